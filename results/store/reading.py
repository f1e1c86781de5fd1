"""The lines of a row log, read fast: a million in a minute as rows, in seconds as what a resumed run asks of them.

Most of a row is in many others too: its system's costs and versions, its recording's tags. Each distinct text of such
a field is read once, and rows share what it says, so that a row in memory is little more than its key and its scores.
A line that this cannot read, or finds at fault, is read again by ``Row.from_json``, which says what is wrong with it.
"""

from __future__ import annotations

import gc
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from bench.core.files import naming
from bench.core.records import build, parse
from bench.core.types import Status
from results.store.rows import READABLE, Key, Row

_OWN = ("key", "scores", "enhance_seconds")
"""Fields that hardly two rows have in common."""

_BLOCK = 1 << 16

_DISTINCT = 1 << 16
"""So many texts of the other fields are remembered."""


@dataclass(frozen=True)
class Standing:
    """What a resumed run asks of a stored row. Rows that stand alike share one.

    Attributes:
        status: of the enhancement.
        scores: by metric, the score's status.
        metric_versions: as the row's.
    """

    status: Status
    scores: Mapping[str, Status]
    metric_versions: Mapping[str, str]

    @staticmethod
    def of(row: Row) -> Standing:
        return Standing(row.status, {name: score.status for name, score in row.scores.items()}, row.metric_versions)


class Standings(Mapping[Key, Standing]):
    """The standing of every stored row, and where the row lies: some hundred bytes each."""

    def __init__(self, path: Path, found: Iterable[tuple[int, tuple[Key, Standing]]] = ()) -> None:
        self._path = path
        self._places: dict[Key, int] = {}
        self._standings: list[Standing] = []
        self._offsets = array("q")
        for offset, (key, standing) in found:
            place = self._places.setdefault(key, len(self._standings))
            if place == len(self._standings):
                self._standings.append(standing)
                self._offsets.append(offset)
            else:  # the last row of a key counts
                self._standings[place], self._offsets[place] = standing, offset

    def __getitem__(self, key: Key) -> Standing:
        return self._standings[self._places[key]]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def row(self, key: Key) -> Row:
        """The row, read from the log."""
        with naming(self._path), self._path.open("rb") as file:
            file.seek(self._offsets[self._places[key]])
            return _carefully(file.readline())


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with the offset of its first byte, without an unfinished last one, which a killed writer can leave.

    Raises:
        OSError: the file cannot be read; one that does not exist has no lines.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        offset = 0
        for line in file:
            if line.endswith(b"\n") or is_json(line):
                yield offset, line
            offset += len(line)


def is_json(line: bytes) -> bool:
    try:
        parse(line.decode("utf-8", "surrogatepass"))
    except ValueError:
        return False
    return True


def unfinished(path: Path) -> bytes:
    """What follows the last newline of a file."""
    tail = b""
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        while start and b"\n" not in tail:
            block = min(start, _BLOCK)
            start = file.seek(start - block)
            tail = file.read(block) + tail
    return tail[tail.rfind(b"\n") + 1 :]


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the collector of reference cycles: among rows are none, and to look takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class RowReader:
    """Reads lines as rows."""

    def __init__(self) -> None:
        hints = get_type_hints(Row)
        names = [field.name for field in fields(Row)]
        needed = [("schema", int), *((field.name, msgspec.Raw) for field in fields(Row) if _needed(field))]
        others = [field.name for field in fields(Row) if not _needed(field)]
        rest = [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in others]
        line = msgspec.defstruct("_Line", [*needed, *rest], forbid_unknown_fields=True)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(line).decode
        self._fields = [(name, self._reads(name, hints[name])) for name in names]
        self._texts: dict[str, str] = {}

    def __call__(self, line: bytes) -> Row:
        """The row of a line.

        Raises:
            ValueError: as ``Row.from_json``.
        """
        try:
            found = self._decode(line)
            if found.schema in READABLE:
                return Row(**self._given(found))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        return _carefully(line)

    def _given(self, line: Any) -> dict[str, Any]:
        raws = ((name, read, getattr(line, name)) for name, read in self._fields)
        return {name: read(bytes(raw)) for name, read, raw in raws if raw is not msgspec.UNSET}

    def _reads(self, name: str, hint: Any) -> Callable[[bytes], Any]:
        def read(text: bytes) -> Any:
            return build(hint, msgspec.json.decode(text))

        if name == "key":
            return lambda text: self._shared(read(text))
        return read if name in _OWN else lru_cache(_DISTINCT)(read)

    def _shared(self, key: Key) -> Key:
        """The key, its texts shared with other keys."""
        texts = (self._texts.setdefault(text, text) for text in (key.dataset, key.method, key.utterance))
        dataset, method, utterance = texts
        return Key(dataset, method, key.steps, key.seed, utterance)


class _Key(msgspec.Struct):
    dataset: str
    method: str
    steps: int | None
    seed: int | None
    utterance: str


class _Score(msgspec.Struct):
    status: Status = "ok"


class _Told(msgspec.Struct):
    """The part of a line from which a standing is made; the rest is skipped."""

    schema: int
    key: _Key
    status: Status
    scores: dict[str, _Score] = {}
    metric_versions: dict[str, str] = {}


class StandingReader:
    """Reads lines as keys and standings. What neither needs is not checked."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Told).decode
        self._texts: dict[str, str] = {}
        self._standings: dict[Any, Standing] = {}

    def __call__(self, line: bytes) -> tuple[Key, Standing]:
        """Raises ``ValueError`` as ``Row.from_json``."""
        try:
            told = self._decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._slowly(line)
        if told.schema not in READABLE:
            return self._slowly(line)
        key, share = told.key, self._texts.setdefault
        dataset, method, utterance = key.dataset, key.method, key.utterance
        shared = Key(share(dataset, dataset), share(method, method), key.steps, key.seed, share(utterance, utterance))
        scores, versions = told.scores, told.metric_versions
        which = (told.status, *scores, *[score.status for score in scores.values()], *versions.items())
        standing = self._standings.get(which)
        if standing is None:
            standing = Standing(told.status, {name: score.status for name, score in scores.items()}, versions)
            self._standings[which] = standing
        return shared, standing

    @staticmethod
    def _slowly(line: bytes) -> tuple[Key, Standing]:
        row = _carefully(line)
        return row.key, Standing.of(row)


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _carefully(line: bytes) -> Row:
    return Row.from_json(line.rstrip(b"\n").decode("utf-8", "surrogatepass"))
