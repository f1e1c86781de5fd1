"""A user's folder of recordings: the files that are read, by name, and the others, with the reason."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.core.audio import FORMATS
from bench.core.errors import UserError
from bench.core.files import not_a_file
from bench.core.names import examples

UNREADABLE_FORMATS = (
    *(".m4a", ".m4b", ".mp4", ".aac", ".wma", ".amr", ".3gp", ".ac3", ".webm", ".mka", ".mkv", ".mov"),
    *(".spx", ".ape", ".wv", ".tta", ".dsf", ".ra", ".shn", ".raw", ".pcm"),
)
"""Audio formats that libsndfile does not read, or that have no header."""


RECORD = "enhanced.jsonl"
"""The record that ``bench enhance`` writes beside the speech; not part of a user's data."""


@dataclass(frozen=True)
class Recordings:
    """The content of a folder.

    Attributes:
        folder: the folder.
        files: the recordings by their relative names without suffix ("speaker/sentence"), sorted.
        unread: relative paths of the files that are not read, by reason. A file whose reading must fail (empty, no
            permission) is also in ``files``, so that its own row shows the failure.
    """

    folder: Path
    files: Mapping[str, Path]
    unread: Mapping[str, Sequence[str]]

    def notes(self, used: Collection[str] = ()) -> list[str]:
        """A line with the number and names of files that are not read; empty if there are none.

        Args:
            used: relative paths of files with another use, such as transcripts.
        """
        left = {reason: [name for name in names if name not in used] for reason, names in self.unread.items()}
        told = "; ".join(f"{len(names)} x {reason} ({examples(names)})" for reason, names in left.items() if names)
        return [f"{self.folder}: not read: {told}"] if told else []

    def required(self) -> Recordings:
        """Return this object if it has recordings.

        Raises:
            UserError: there is no recording; the message names the files found instead.
        """
        if self.files:
            return self
        instead = "".join(f"; {note.removeprefix(f'{self.folder}: ')}" for note in self.notes())
        raise UserError(f"{self.folder}: no recording in it (WAV, FLAC, MP3, Ogg, Opus, AIFF, ...){instead}")


def recordings_in(folder: str | Path) -> Recordings:
    """Every recording under ``folder``; links to folders are followed, except cyclic ones.

    Raises:
        UserError: no such folder, or two recordings that differ only in their suffix.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{folder}: {'not a folder' if os.path.lexists(root) else 'no such folder'}")
    found: dict[str, Path] = {}
    unread: dict[str, list[str]] = {}
    for path, reason in _walk(root):
        relative = path.relative_to(root).as_posix()
        if reason:
            unread.setdefault(reason, []).append(_printable(relative))
        if reason in _READ_ALL_THE_SAME:
            name = str(PurePosixPath(relative).with_suffix(""))
            if name in found:
                raise UserError(f"{path}: {found[name].name} has the same name; keep one of the two")
            found[name] = path
    return Recordings(root, dict(sorted(found.items())), unread)


_HIDDEN, _EMPTY, _FORBIDDEN = "hidden", "empty file", "no permission to read it"
_READ_ALL_THE_SAME = ("", _EMPTY, _FORBIDDEN)


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file under ``root``, sorted, with the reason if it is not read; and every folder that is not entered."""
    waiting = [(root, _identities(root.resolve().parents))]
    while waiting:
        folder, above = waiting.pop()
        try:
            identity = _identity(folder)
            entries = sorted(folder.iterdir())
        except OSError as error:
            yield folder, f"folder that cannot be opened, {error.strerror}"
            continue
        if identity in above:
            yield folder, "link in a circle"
            continue
        for path in entries:
            if not path.is_dir():
                if not _is_clutter(path):
                    yield path, _why_unread(path)
            elif path.name.startswith("."):
                yield path, "hidden folder"
            else:
                waiting.append((path, above | {identity}))


def _is_clutter(path: Path) -> bool:
    """Whether a file is ignored silently: hidden files that are not audio (``.DS_Store``), and our own record."""
    return path.name == RECORD or (path.name.startswith(".") and path.suffix.lower() not in FORMATS)


def _why_unread(path: Path) -> str:
    """Why a file is not read; empty if it is read."""
    suffix = path.suffix.lower()
    if reason := not_a_file(path):
        return reason
    if suffix in UNREADABLE_FORMATS:
        return "format that cannot be read, convert it to WAV or FLAC"
    if suffix not in FORMATS:
        return "no audio"
    if path.name.startswith("."):
        return _HIDDEN
    if not _is_text(str(path)):
        return "name that is not UTF-8"
    if path.stat().st_size == 0:
        return _EMPTY
    return "" if os.access(path, os.R_OK) else _FORBIDDEN


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _identities(folders: Iterable[Path]) -> frozenset[tuple[int, int]]:
    return frozenset(map(_identity, folders))
