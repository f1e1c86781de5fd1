"""Text for Markdown and LaTeX in which nothing is markup: names are other people's, and may hold anything."""

from __future__ import annotations

import re

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"[": "{[}", "]": "{]}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    **{"↑": r"$\uparrow$", "↓": r"$\downarrow$", "≈": r"$\approx$", "±": r"$\pm$"},
}


def markdown(text: str) -> str:
    """``text`` on one line, also within a table's cell; no entity of HTML, no element, no link."""
    return re.sub(r"[\\`*_\[\]<>|#&]", r"\\\g<0>", _one_line(text))


def latex(text: str) -> str:
    """``text`` on one line, in which nothing is a command; a minus before a digit is one."""
    marked = re.sub(r"(?<![\w.])-(?=[\d.])", "\0", _one_line(text))
    return "".join("$-$" if character == "\0" else _LATEX.get(character, character) for character in marked)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
