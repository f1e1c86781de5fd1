"""Escape text for Markdown and LaTeX: names come from users and may contain any character."""

from __future__ import annotations

import re

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"[": "{[}", "]": "{]}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    **{"↑": r"$\uparrow$", "↓": r"$\downarrow$", "≈": r"$\approx$", "±": r"$\pm$"},
}


def markdown(text: str) -> str:
    """``text`` on one line, escaped for Markdown, also inside a table cell: no HTML, no links."""
    return re.sub(r"[\\`*_\[\]<>|#&]", r"\\\g<0>", _one_line(text))


def latex(text: str) -> str:
    """``text`` on one line, escaped for LaTeX; a hyphen before a digit becomes a minus sign."""
    marked = re.sub(r"(?<![\w.])-(?=[\d.])", "\0", _one_line(text))
    return "".join("$-$" if character == "\0" else _LATEX.get(character, character) for character in marked)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
