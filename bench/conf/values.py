"""Values as they are typed: a text, a list of values, or a mapping; names and paths are the text that was typed.

    run=2024_11_25    datasets=Köln    'datasets=[a,/data (copy)/b]'    'methods=[noisy,{name: storm, corrector: ald}]'

What begins with a bracket is a list ``[a, b]`` or a mapping ``{name: a, option: b}``; all else is a text. Whether a
text such as ``10``, ``1e-3``, ``true`` or ``null`` means a number, a truth value or nothing is for the schema of its
key to say: texts without quotes are ``Plain``.

Within a list or mapping a text ends at the comma or bracket that ends it there; brackets opened in it belong to it. A
text that must hold these, or that begins with a bracket or quote, stands in quotes of either kind, in which a backslash
goes before a quote or backslash of its own.

Hydra's own grammar has no letters but A to Z, and reads ``1_10`` as a number before anybody can ask what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

BRACKETS = {"[": "]", "{": "}"}
QUOTES = "'\""


class Plain(str):
    """A text without quotes around it, which may stand for a number, a truth value or nothing."""

    __slots__ = ()


class Unreadable(ValueError):
    """A value is not of the grammar; the message says where."""


def read(text: str) -> Any:
    """``text`` as nested lists and mappings of texts.

    Raises:
        Unreadable: a bracket or quote is not closed, or something follows it.
    """
    stripped = text.strip()
    return _Reader(stripped).whole() if stripped[:1] in (*BRACKETS, *QUOTES) else Plain(text)


def read_text(text: str) -> str:
    """``text`` where nothing but a text is meant: as typed, or what is within its quotes."""
    try:
        value = read(text)
    except Unreadable:
        return Plain(text)
    return value if isinstance(value, str) else Plain(text)


def spelled(value: Any) -> str:
    """``value`` as it can be typed: ``read`` gives it back.

    Texts that could be taken for something else are put in quotes, those that are ``Plain`` only where they must be.
    """
    if isinstance(value, str) and _needs_no_quotes(value):
        return str(value)
    return _within(value)


def repaired(text: str) -> list[str]:
    """Spellings that can be read and may be what ``text``, which cannot, was meant to be; the likeliest first."""
    stripped, guesses = text.strip(), []
    try:
        guesses.append(_within(_Reader(stripped, lenient=True).whole()))
    except Unreadable:
        if stripped.startswith("[") and stripped.endswith("]"):
            guesses.append(f"[{quoted(stripped[1:-1])}]")
    return [*guesses, quoted(stripped)]


def quoted(text: str) -> str:
    """``text`` in quotes, of the kind that needs no backslash where one of them does."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + re.sub(rf"([\\{quote}])", r"\\\1", text) + quote


def guessed(text: str) -> Any:
    """What a plain text of unknown meaning is: null, true, false, a number as it is usually written, or itself."""
    if (lower := text.lower()) in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[lower]
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)", text):
        return int(text)
    if re.fullmatch(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return float(text)
    return str(text)


def settled(value: Any) -> Any:
    """``value`` with every plain text in it guessed."""
    if isinstance(value, Mapping):
        return {key: settled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    return guessed(value) if isinstance(value, Plain) else value


def _within(value: Any) -> str:
    """``value`` as it stands within a list or mapping."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return str(value) if _needs_no_quotes(value) and not re.search(r"[,\[\]{}]", value) else quoted(value)
        case Mapping():
            return f"{{{', '.join(f'{key}: {_within(inner)}' for key, inner in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_within, value))}]"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _needs_no_quotes(text: str) -> bool:
    if not text or text != text.strip() or text[0] in (*BRACKETS, *QUOTES):
        return False
    return isinstance(text, Plain) or isinstance(guessed(text), str)


class _Reader:
    """Reads one value from the front of a text.

    Args:
        lenient: in a mapping, let a text go on over commas up to the next ``key:``; take brackets in texts as theirs.
    """

    def __init__(self, text: str, lenient: bool = False) -> None:
        self.text, self.at, self.lenient = text, 0, lenient

    def whole(self) -> Any:
        value = self._value(ends="")
        if rest := self.text[self.at :].strip():
            raise Unreadable(f"{rest!r} follows what ends before it")
        return value

    def _value(self, ends: str) -> Any:
        self._skip_spaces()
        match self.text[self.at : self.at + 1]:
            case "[":
                return self._list()
            case "{":
                return self._mapping()
            case "'" | '"':
                return self._quoted()
        return Plain(self._until(ends))

    def _list(self) -> list[Any]:
        entries: list[Any] = []
        self.at += 1
        while not self._closes("]", "list"):
            if entries:
                self._expect(",")
                if self._closes("]", "list"):
                    break
            entries.append(self._value(",]"))
            if entries[-1] == "" and isinstance(entries[-1], Plain):
                raise Unreadable("there is nothing between two commas")
        return entries

    def _mapping(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        self.at += 1
        while not self._closes("}", "mapping"):
            if entries:
                self._expect(",")
                if self._closes("}", "mapping"):
                    break
            key = re.compile(r"\s*([\w.-]+)\s*:").match(self.text, self.at)
            if key is None:
                raise Unreadable(f"{self._until(',}')!r} is no option: value")
            if key[1] in entries:
                raise Unreadable(f"{key[1]} is there twice")
            self.at = key.end()
            entries[key[1]] = self._value(",}")
        return entries

    def _quoted(self) -> str:
        quote = self.text[self.at]
        found = re.compile(rf"{quote}((?:[^\\{quote}]|\\.)*){quote}", re.DOTALL).match(self.text, self.at)
        if found is None:
            raise Unreadable("a quote is not closed")
        self.at = found.end()
        return re.sub(rf"\\([\\{quote}])", r"\1", found[1])

    def _until(self, ends: str) -> str:
        """The text up to one of ``ends``, outside of brackets that were opened in it."""
        start, open_brackets = self.at, 0
        while self.at < len(self.text):
            mark = self.text[self.at]
            if mark in BRACKETS and not self.lenient:
                open_brackets += 1
            elif mark in BRACKETS.values() and open_brackets:
                open_brackets -= 1
            elif mark in ends and not open_brackets and not self._goes_on(mark, ends):
                break
            self.at += 1
        return self.text[start : self.at].strip()

    def _goes_on(self, mark: str, ends: str) -> bool:
        if not self.lenient or mark != "," or "}" not in ends:
            return False
        return re.compile(r",\s*[\w.-]+\s*:").match(self.text, self.at) is None

    def _closes(self, bracket: str, what: str) -> bool:
        self._skip_spaces()
        if self.at == len(self.text):
            raise Unreadable(f"the {what} is not closed")
        closes = self.text[self.at] == bracket
        self.at += closes
        return closes

    def _expect(self, mark: str) -> None:
        if self.text[self.at] != mark:
            raise Unreadable(f"{self.text[self.at :]!r} follows what ends before it")
        self.at += 1

    def _skip_spaces(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
