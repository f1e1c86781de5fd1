"""Files beside recordings with their transcripts and tags, matched by id.

``transcripts.csv`` (or ``.tsv``; columns ``id`` and ``transcript``), or ``transcripts.txt`` (on each line an id, a
space and the text); ``tags.csv`` (or ``.tsv``; a column ``id``, every other column is a tag). An id is a recording's
relative name; its suffix, folders, case and Unicode form may differ if the match is unique. An empty transcript means
that nothing is spoken; a recording that is not listed has no transcript.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench.core.audio import FORMATS
from bench.core.errors import UserError
from bench.core.names import Names, examples, folded
from bench.core.types import Tag
from bench.datasets.files import table, tags, text

TRANSCRIPTS = ("transcripts.csv", "transcripts.tsv", "transcripts.txt")
TAGS = ("tags.csv", "tags.tsv")


@dataclass(frozen=True)
class SideFiles:
    """Attributes:
    transcripts, tags: by recording.
    files: the names of their files.
    notes: entries without a recording, and recordings without a transcript.
    """

    transcripts: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, Tag]] = field(default_factory=dict)
    files: Collection[str] = ()
    notes: Collection[str] = ()


def beside(folder: Path, recordings: Collection[str]) -> SideFiles:
    """The side files in ``folder`` of the recordings with these names.

    Raises:
        UserError: a file cannot be read, matches no recording or one twice; or two files have one purpose.
    """
    names = Names(recordings)
    spoken, described = _one(folder, TRANSCRIPTS), _one(folder, TAGS)
    transcripts: dict[str, str] = {}
    tags_of: dict[str, dict[str, Tag]] = {}
    notes: list[str] = []
    if spoken is not None:
        matched, unmatched = _matched(spoken, _transcripts(spoken, names), names)
        transcripts = {name: row["transcript"] for name, (_, row) in matched.items()}
        notes += unmatched
        without = [name for name in recordings if name not in transcripts]
        if without:
            notes.append(f"{spoken}: no transcript for {len(without)} of {len(recordings)} ({examples(without)})")
        notes += empty_note(spoken, transcripts)
    if described is not None:
        matched, unmatched = _matched(described, table(described, ("id",)), names)
        tags_of = {name: tags(_without_id(row), f"{described}, line {line}") for name, (line, row) in matched.items()}
        notes += unmatched
    return SideFiles(transcripts, tags_of, [path.name for path in (spoken, described) if path], notes)


def empty_note(source: Path, transcripts: Mapping[str, str]) -> list[str]:
    """A line on empty transcripts, if there are any."""
    silent = [name for name, transcript in transcripts.items() if not transcript]
    if not silent:
        return []
    count = f"{len(silent)} of {len(transcripts)} transcripts are empty ({examples(silent)})"
    return [f"{source}: {count}: nothing is said there, and every word that is recognised counts as an error"]


def _one(folder: Path, known: tuple[str, ...]) -> Path | None:
    """The one file with one of these names, in any case."""
    names = sorted(path.name for path in folder.iterdir() if folded(path.name) in known)
    if len(names) > 1:
        raise UserError(f"{folder / names[1]}: {names[0]} is there too; keep one of the two")
    return folder / names[0] if names else None


Rows = Iterable[tuple[int, Mapping[str, str]]]


def _matched(path: Path, rows: Rows, names: Names) -> tuple[dict[str, tuple[int, Mapping[str, str]]], list[str]]:
    """Every row by its recording, and a line on rows without one."""
    found: dict[str, tuple[int, Mapping[str, str]]] = {}
    strangers = []
    for line, row in rows:
        name = _recording(row["id"], names)
        if name is None:
            strangers.append(row["id"])
        elif name in found:
            raise UserError(
                f"{path}, line {line}: '{row['id']}' is the recording '{name}', as line {found[name][0]} is"
            )
        else:
            found[name] = line, row
    total = len(found) + len(strangers)
    if not found:
        reason = f"none of its {total} ids is a recording's: '{strangers[0][:100]}'" if total else "no row in it"
        raise UserError(f"{path}: {reason}; recordings are called {examples([repr(name) for name in names])}")
    if not strangers:
        return found, []
    return found, [f"{path}: {len(strangers)} of {total} ids match no recording ({examples(strangers)})"]


def _recording(name: str, names: Names) -> str | None:
    """The recording of an id in a side file: matched exactly, without an audio suffix, or by the end of its path."""
    name = name.replace("\\", "/").removeprefix("./")
    bare = str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).suffix.lower() in FORMATS else name
    return names.find(name) or names.find_path(bare)


def _transcripts(path: Path, names: Names) -> Rows:
    if path.suffix.lower() != ".txt":
        return table(path, ("id", "transcript"))
    return _lines(path, names)


def _lines(path: Path, names: Names) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Ids and texts. An id ends at the first space, or later if a longer beginning is the name of a recording."""
    most = max(len(name.split()) for name in names)
    for number, line in enumerate(text(path).split("\n"), start=1):
        line = line.strip()
        ends = [match.start() for match in re.finditer(r"\s+|$", line)][:most] if line else []
        known = [end for end in reversed(ends) if _recording(line[:end], names)]
        for end in (known or ends)[:1]:
            yield number, {"id": line[:end], "transcript": line[end:].strip()}


def _without_id(row: Mapping[str, str]) -> dict[str, str]:
    return {column: cell for column, cell in row.items() if column != "id"}
