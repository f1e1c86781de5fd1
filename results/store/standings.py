"""What a resumed run asks of stored rows, in a fraction of the time and memory that the rows take."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.core.files import naming
from bench.core.types import Status
from results.store.rows import READABLE, Key, Row


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
            return Row.from_line(file.readline())


class KeyRead(msgspec.Struct):
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
    key: KeyRead
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
        row = Row.from_line(line)
        return row.key, Standing.of(row)
