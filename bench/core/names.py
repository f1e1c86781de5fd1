"""Look up names regardless of case and Unicode form; names that rows, tables and files can hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence


class Names:
    """A set of names that are looked up exactly first, then regardless of case and Unicode form (NFC, NFD).

    Args:
        names: relative names with ``/`` between folders.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)
        self._alike: dict[str, list[str]] = {}
        self._last: dict[str, list[str]] = {}
        for name in self._names:
            self._alike.setdefault(folded(name), []).append(name)
            self._last.setdefault(_last(name), []).append(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def alike(self, name: str) -> list[str]:
        """The exact ``name`` if it exists, else all names that differ from it only in case or Unicode form."""
        return [name] if name in self._names else self._alike.get(folded(name), [])

    def find(self, name: str) -> str | None:
        """The one name that matches ``name``; None if there is none, or more than one."""
        return _only(self.alike(name))

    def find_path(self, name: str) -> str | None:
        """As ``find``; else the one name of which ``name`` is the last part (``01`` for ``anna/01``), or vice versa."""
        found = self.find(name)
        if found is not None:
            return found
        whole = f"/{folded(name)}"
        ends = (other for other in self._last.get(_last(name), ()) if _ends_alike(whole, f"/{folded(other)}"))
        return _only(list(ends))


def folded(name: str) -> str:
    """A form of ``name`` that is equal for names that differ only in case or Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


_MARKS = "_.+-"


def is_label(text: str) -> bool:
    """Whether rows, tables and file names can hold ``text``: letters and digits of any script and ``_ . + -``."""
    return bool(text) and set(text) != {"."} and all(map(_fits, text))


def label(text: str, default: str) -> str:
    """The label nearest to ``text``, in Unicode's composed form (NFC): what does not fit becomes ``_``.

    Args:
        default: where nothing is left of it.
    """
    composed = unicodedata.normalize("NFC", text)
    fitting = "".join(letter if _fits(letter) else " " for letter in composed)
    return "_".join(fitting.split()).strip("_.") or default


def _fits(letter: str) -> bool:
    """Letters, numbers and the marks that belong to them, as the vowel signs of Hindi and Thai do."""
    return letter in _MARKS or unicodedata.category(letter)[0] in "LNM"


def examples(names: Iterable[str], most: int = 3) -> str:
    """The first ``most`` of ``names``, with an ellipsis if there are more."""
    shown = list(names)
    return ", ".join(shown[:most]) + (", ..." if len(shown) > most else "")


def _last(name: str) -> str:
    return folded(name.rsplit("/", maxsplit=1)[-1])


def _ends_alike(one: str, other: str) -> bool:
    return one.endswith(other) or other.endswith(one)


def _only(found: Sequence[str]) -> str | None:
    return found[0] if len(found) == 1 else None
