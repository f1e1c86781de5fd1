"""Rows in columns: some hundred bytes each, where a row on its own takes two thousand.

A field's column has small numbers that stand for its values, of which few differ; what hardly two rows have in common,
scores and times, are arrays. A row is made when it is asked for; what goes over all rows goes over columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, fields
from functools import cached_property, partial
from operator import eq
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Score
from results.store.rows import NOT_COMPUTED, Key, Row

Places = NDArray[np.intp]

KEY = tuple(field.name for field in fields(Key))
SHARED = tuple(field.name for field in fields(Row) if field.name not in ("key", "scores", "enhance_seconds"))
"""The fields whose values many rows have in common."""

NONE, PLAIN = -1, 0
"""Codes of scores: there is none; it is a value, and nothing else."""


@dataclass(frozen=True, eq=False)
class Column:
    """A field of every row: ``known[codes[place]]``. Several codes may stand for equal values, but not in a key."""

    codes: NDArray[np.int32]
    known: Sequence[Any]

    def __getitem__(self, place: int) -> Any:
        return self.known[self.codes[place]]

    def take(self, places: Places) -> Column:
        return Column(self.codes[places], self.known)

    def each(self, function: Callable[[Any], Any], kind: Any = object) -> NDArray[Any]:
        """``function`` of every row's value, called once for each value that occurs."""
        found = np.empty(len(self.known), kind)
        for code in _occurring(self.codes, len(self.known)):
            found[code] = function(self.known[code])
        return found[self.codes]

    def occurring(self) -> list[Any]:
        """The values that occur."""
        return [self.known[code] for code in _occurring(self.codes, len(self.known))]

    def ranks(self) -> Places:
        """Numbers that sort as the values do, None before any."""
        known = [(value is not None, value) for value in self.known]
        ranks = np.empty(len(known), np.intp)
        ranks[sorted(range(len(known)), key=known.__getitem__)] = np.arange(len(known))
        return ranks[self.codes]


@dataclass(frozen=True, eq=False)
class ScoreColumn:
    """A metric's score of every row.

    Attributes:
        values: NaN where there is none.
        codes: ``NONE``, ``PLAIN``, or where in ``others`` the whole score is.
    """

    values: NDArray[np.float64]
    codes: NDArray[np.int32]
    others: Sequence[Score | None] = (None,)

    def __getitem__(self, place: int) -> Score | None:
        code = self.codes[place]
        return None if code == NONE else self.others[code] or Score(float(self.values[place]))

    def take(self, places: Places) -> ScoreColumn:
        return ScoreColumn(self.values[places], self.codes[places], self.others)

    def only(self, wanted: NDArray[np.bool_]) -> ScoreColumn:
        """The scores of only these rows."""
        return ScoreColumn(np.where(wanted, self.values, np.nan), np.where(wanted, self.codes, NONE), self.others)

    def each(self, function: Callable[[Score], Any], plain: Any, kind: Any = object) -> NDArray[Any]:
        """``function`` of every row's score, ``plain`` where it is a value and nothing else, or none."""
        found = np.full(len(self.others) + 1, plain, kind)  # the last is found by the code of none
        for code in _occurring(self.codes, len(self.others)):
            if (score := self.others[code]) is not None:
                found[code] = function(score)
        return found[self.codes]


class Rows(Sequence[Row]):
    """Rows; see the module.

    Args:
        columns: of ``KEY`` and ``SHARED``, by name.
        seconds: each row's ``enhance_seconds``, NaN for None.
        scores: by metric.
    """

    def __init__(
        self, columns: Mapping[str, Column], seconds: NDArray[np.float64], scores: Mapping[str, ScoreColumn]
    ) -> None:
        self.columns, self.seconds = columns, seconds
        self.scores = {name: column for name, column in scores.items() if (column.codes != NONE).any()}

    def __len__(self) -> int:
        return len(self.seconds)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Rows: ...
    def __getitem__(self, place: int | slice) -> Row | Rows:
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        seconds = float(self.seconds[place])
        scores = ((name, column[place]) for name, column in self.scores.items())
        return Row(
            key=self.key(place),
            enhance_seconds=None if np.isnan(seconds) else seconds,
            scores={name: score for name, score in scores if score is not None},
            **{name: self.columns[name][place] for name in SHARED},
        )

    def __iter__(self) -> Iterator[Row]:
        return map(self.__getitem__, range(len(self)))

    def key(self, place: int) -> Key:
        return Key(*[self.columns[name][place] for name in KEY])

    def keys(self) -> Iterator[Key]:
        return map(self.key, range(len(self)))

    def take(self, places: Places) -> Rows:
        """These rows, in this order."""
        columns = {name: column.take(places) for name, column in self.columns.items()}
        return Rows(columns, self.seconds[places], {name: scores.take(places) for name, scores in self.scores.items()})

    def where(self, **values: Any) -> Rows:
        """The rows with these values of fields."""
        wanted = np.ones(len(self), bool)
        for name, value in values.items():
            wanted &= self.columns[name].each(partial(eq, value), bool)
        return self.take(np.flatnonzero(wanted))

    def filter(self, field: str, wanted: Callable[[Any], Any]) -> Rows:
        """The rows whose value of a field is ``wanted``."""
        return self.take(np.flatnonzero(self.columns[field].each(wanted, bool)))

    def order(self) -> Places:
        """The places of the rows, sorted by key; rows of one key stay in their order."""
        places: Places = np.lexsort([self.columns[name].ranks() for name in reversed(KEY)])
        return places

    def repeated(self) -> list[Places]:
        """The places of the rows of each key that several rows have."""
        order = self.order()
        keys = np.stack([self.columns[name].codes[order] for name in KEY])
        starts = np.flatnonzero(np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)])
        ends = np.append(starts[1:], len(self))
        several = ends - starts > 1
        return [order[start:end] for start, end in zip(starts[several], ends[several], strict=True)]

    def answers(self, metric: str) -> ScoreColumn:
        """``Row.score`` of every row: there is a reason where there is no score."""
        nothing = ScoreColumn(np.full(len(self), np.nan), np.full(len(self), NONE, np.int32))
        stored = self.scores.get(metric, nothing)
        values, codes, others = stored.values.copy(), stored.codes.copy(), [*stored.others, NOT_COMPUTED]
        codes[codes == NONE] = len(others) - 1
        status, reason = self.columns["status"], self.columns["reason"]
        failed = status.each(lambda value: value != "ok", bool)
        values[failed] = np.nan
        pairs = np.stack([status.codes[failed], reason.codes[failed]])
        kinds, which = np.unique(pairs, axis=1, return_inverse=True)
        codes[failed] = len(others) + which.reshape(-1)
        others += [Score.missing(status.known[of], reason.known[why]) for of, why in kinds.T.tolist()]
        return ScoreColumn(values, codes, others)

    @cached_property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows ``failed``."""
        found = self.columns["status"].each(lambda status: status == "error", bool)
        for column in self.scores.values():
            found = found | column.each(lambda score: score.status == "error", False, bool)
        return found


class ByKey(Mapping[Key, Row]):
    """Rows by their keys, of which none is repeated."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Key]:
        return self.rows.keys()

    def __getitem__(self, key: Key) -> Row:
        return self.rows[self._places[key]]

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def values(self) -> Values:
        return Values(self)

    @cached_property
    def _places(self) -> dict[Key, int]:
        return {key: place for place, key in enumerate(self.rows.keys())}


class Values(ValuesView[Row]):
    """Its rows, in columns too."""

    def __init__(self, mapping: ByKey) -> None:
        super().__init__(mapping)
        self.rows = mapping.rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def last_of_each(rows: Rows) -> Rows:
    """Of rows with one key the last, where the first one was."""
    places, kept = np.arange(len(rows)), np.ones(len(rows), bool)
    for repeated in rows.repeated():
        places[repeated[0]] = repeated[-1]
        kept[repeated[1:]] = False
    return rows if kept.all() else rows.take(places[kept])


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one after the other."""
    lengths = [len(part) for part in parts]
    columns = {name: _joined([part.columns[name] for part in parts], name in KEY) for name in (*KEY, *SHARED)}
    scores: dict[str, ScoreColumn] = {}
    for name in dict.fromkeys(name for part in parts for name in part.scores):
        values, codes = np.full(sum(lengths), np.nan), np.full(sum(lengths), NONE, np.int32)
        others: list[Score | None] = [None]
        start = 0
        for part, length in zip(parts, lengths, strict=True):
            if (column := part.scores.get(name)) is not None:
                values[start : start + length] = column.values
                whole = column.codes > PLAIN
                codes[start : start + length] = column.codes + np.where(whole, len(others) - 1, 0)
                others += column.others[1:]
            start += length
        scores[name] = ScoreColumn(values, codes, others)
    return Rows(columns, np.concatenate([np.empty(0), *(part.seconds for part in parts)]), scores)


def _joined(columns: Sequence[Column], distinct: bool) -> Column:
    codes: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    known: list[Any] = []
    numbers: dict[Any, int] = {}
    for column in columns:
        if distinct:
            new = [numbers.setdefault(value, len(numbers)) for value in column.known]
            codes.append(np.array(new, np.int32)[column.codes])
            known = list(numbers)
        else:
            codes.append(column.codes + np.int32(len(known)))
            known += column.known
    return Column(np.concatenate(codes), known)


def _occurring(codes: NDArray[np.int32], count: int) -> list[int]:
    """Which of the numbers below ``count`` occur."""
    there = np.zeros(count, bool)
    there[codes[codes >= 0]] = True
    found: list[int] = np.flatnonzero(there).tolist()
    return found
