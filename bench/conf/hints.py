"""A spelling that works, for an override that was read as something else than was meant."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.conf import values
from bench.conf.values import Plain, Unreadable
from bench.core.errors import UserError


def hinted(error: UserError, overrides: Sequence[str]) -> UserError:
    """``error`` with what to write instead, where an override holds the name of a file that is there, or a ``${``.

    ``datasets=[a,b]`` means two folders, and where there is one called ``a,b`` the message goes on with how to name it.
    """
    if " write " in str(error):  # it has one of its own
        return error
    for override in overrides:
        if "=" in override and not override.startswith(("/", ".")) and _exists(override):
            return type(error)(f"{error}; for the file write {shlex.quote(f'./{override}')}")
        key, _, text = override.partition("=")
        if (spelling := _spelling(text)) is not None:
            return type(error)(f"{error}; for the name as typed write {shlex.quote(f'{key}={spelling}')}")
    return error


def _spelling(text: str) -> str | None:
    """How a value is written of which a part, as typed, is a path, or would be taken for another key's value."""
    if "${" in text and "\\${" not in text:
        return text.replace("${", "\\${")
    stripped = text.strip()
    if _means_another(stripped):
        return values.quoted(stripped)
    if stripped.startswith("[") and stripped.endswith("]"):
        entries = list(_entries(stripped[1:-1].split(",")))
        if any(quoted for _, quoted in entries):
            return f"[{','.join(values.quoted(entry) if quoted else entry for entry, quoted in entries)}]"
    return None


def _entries(pieces: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """What stands between commas, as many of it together as are one path; and whether it needs quotes."""
    first = 0
    while first < len(pieces):
        runs = ((",".join(pieces[first:last]).strip(), last) for last in range(len(pieces), first, -1))
        run, last = next(((run, last) for run, last in runs if _means_another(run)), (pieces[first], first + 1))
        yield run, _means_another(run)
        first = last


def _means_another(text: str) -> bool:
    """Whether ``text`` is a path, but read as an entry of a list is not that text."""
    try:
        read = values.read(f"[{text}]")
    except Unreadable:
        read = None
    return read != [Plain(text)] and _exists(text)


def _exists(path: str) -> bool:
    try:
        return bool(path) and Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # no such user, or no name that a file could have
        return False
