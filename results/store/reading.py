"""Rows read fast into columns: a million in seconds.

Most of a row is in many others too: its system's costs and versions, its recording's tags. Each distinct text of such
a field is read once. A line that this cannot read, or finds at fault, is read again by ``Row.from_line``, which says
what is wrong with it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, fields
from operator import attrgetter
from typing import Any, get_type_hints

import msgspec
import numpy as np

from bench.core.records import build
from bench.core.types import Score
from results.store.columns import KEY, NONE, PLAIN, SHARED, Column, Rows, ScoreColumn, Values
from results.store.rows import READABLE, Row
from results.store.standings import KeyRead

_LARGEST = 2.0**63
"""Numbers beyond are read carefully."""

_BEFORE, _AFTER = b'{"value": ', b', "status": "ok", "reason": ""}'
"""What stands around the value of most scores, as ``Row.to_json`` writes them."""

_OF_KEY: Callable[[Any], Sequence[Any]] = attrgetter(*KEY)
_OF_ROW: Callable[[Row], Sequence[Any]] = attrgetter(*SHARED)


def as_rows(rows: Iterable[Row]) -> Rows:
    """The rows in columns."""
    if isinstance(rows, (Rows, Values)):
        return rows if isinstance(rows, Rows) else rows.rows
    reader = RowReader()
    for row in rows:
        reader.add(row)
    return reader.rows()


class RowReader:
    """Puts rows into columns, from lines or from rows."""

    def __init__(self) -> None:
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_line()).decode
        self._keys = [_Values() for _ in KEY]
        hints = get_type_hints(Row)
        self._shared = [_Values(hints[field.name], *_default(field)) for field in _fields()]
        self._scores: dict[str, _Scores] = {}
        self._codes, self._seconds = array("i"), array("d")

    def read(self, line: bytes) -> None:
        """Take the row of a line.

        Raises:
            ValueError: as ``Row.from_json``.
        """
        try:
            found = self._decode(line)
            if found.schema in READABLE and -_LARGEST < (found.enhance_seconds or 0) < _LARGEST:
                self._take_line(*msgspec.structs.astuple(found)[1:])
                return
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        self.add(Row.from_line(line))

    def _take_line(self, key: KeyRead, *rest: Any) -> None:
        *texts, scores, seconds = rest
        codes = [values.of_text(text) for values, text in zip(self._shared, texts, strict=True)]
        told = [(self._of(metric), *self._of(metric).read(bytes(text))) for metric, text in scores.items()]
        self._take(_OF_KEY(key), codes, told, seconds)

    def add(self, row: Row) -> None:
        """Take a row."""
        codes = [values.number(repr(value), value) for values, value in zip(self._shared, _OF_ROW(row), strict=True)]
        told = [(self._of(metric), *self._of(metric).coded(score)) for metric, score in row.scores.items()]
        self._take(_OF_KEY(row.key), codes, told, row.enhance_seconds)

    def _of(self, metric: str) -> _Scores:
        return self._scores.get(metric) or self._scores.setdefault(metric, _Scores())

    def _take(
        self,
        key: Sequence[Any],
        codes: Sequence[int],
        scores: Sequence[tuple[_Scores, float, int]],
        seconds: float | None,
    ) -> None:
        """Take what was found to be in order: of a row that is at fault nothing is taken."""
        for of_metric, value, code in scores:
            of_metric.append(len(self._seconds), value, code)
        self._codes.extend([values.number(part, part) for values, part in zip(self._keys, key, strict=True)])
        self._codes.extend(codes)
        self._seconds.append(math.nan if seconds is None else seconds)

    def rows(self) -> Rows:
        """The rows taken, in their order."""
        names = (*KEY, *SHARED)
        codes = np.frombuffer(self._codes, np.int32).reshape(-1, len(names))
        columns = {
            name: Column(codes[:, place].copy(), values.values)
            for place, (name, values) in enumerate(zip(names, (*self._keys, *self._shared), strict=True))
        }
        count = len(self._seconds)
        scores = {metric: of_metric.column(count) for metric, of_metric in self._scores.items()}
        return Rows(columns, np.array(self._seconds), scores)


class _Values:
    """The values of a field, numbered as they come, by what they are known by: a text, or the value itself."""

    def __init__(self, hint: Any = None, *default: Any) -> None:
        self._hint = hint
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}
        for value in default:
            self.number(msgspec.UNSET, value)

    def number(self, known_by: Any, value: Any) -> int:
        number = self._numbers.setdefault(known_by, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

    def of_text(self, raw: Any) -> int:
        """The number of the value that a text says; of the field's default, if there is none."""
        text: Any = raw if raw is msgspec.UNSET else bytes(raw)
        number = self._numbers.get(text)
        return self.number(text, build(self._hint, msgspec.json.decode(text))) if number is None else number


class _Scores:
    """A metric's scores."""

    def __init__(self) -> None:
        self._places, self._values, self._codes = array("i"), array("d"), array("i")
        self._others = _Values(Score, None)

    def read(self, text: bytes) -> tuple[float, int]:
        """The value and the code of the score that a text says."""
        if text.startswith(_BEFORE) and text.endswith(_AFTER):
            value = float(text[len(_BEFORE) : -len(_AFTER)])
            if -_LARGEST < value < _LARGEST:
                return value, PLAIN
        return self._known(self._others.of_text(text))

    def coded(self, score: Score) -> tuple[float, int]:
        """The value and the code of a score."""
        if score.value is not None and score == Score(score.value):
            return score.value, PLAIN
        return self._known(self._others.number(repr(score), score))

    def _known(self, number: int) -> tuple[float, int]:
        value = self._others.values[number].value
        return math.nan if value is None else value, number

    def append(self, place: int, value: float, code: int) -> None:
        self._places.append(place)
        self._values.append(value)
        self._codes.append(code)

    def column(self, count: int) -> ScoreColumn:
        values, codes = np.full(count, np.nan), np.full(count, NONE, np.int32)
        places = np.array(self._places, np.intp)
        values[places], codes[places] = self._values, self._codes
        return ScoreColumn(values, codes, self._others.values)


def _line() -> Any:
    """A line, taken apart no further than to its fields."""
    texts = [
        (field.name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) if _default(field) else (field.name, msgspec.Raw)
        for field in _fields()
    ]
    own: list[Any] = [("scores", dict[str, msgspec.Raw], {}), ("enhance_seconds", float | None, None)]
    return msgspec.defstruct("_Line", [("schema", int), ("key", KeyRead), *texts, *own], forbid_unknown_fields=True)


def _fields() -> list[Field[Any]]:
    of_row = {field.name: field for field in fields(Row)}
    return [of_row[name] for name in SHARED]


def _default(field: Field[Any]) -> list[Any]:
    """Nothing for a field that every line has."""
    if field.default_factory is not MISSING:
        return [field.default_factory()]
    return [] if field.default is MISSING else [field.default]
