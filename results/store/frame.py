"""Rows as a table for pandas users: one row per key, one column per metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core import tables
from bench.core.types import Score
from results.store.columns import NONE, Column, Places, Rows
from results.store.reading import as_rows
from results.store.rows import Row

_FIXED = {
    "dataset": "object",
    "method": "object",
    "steps": "Int64",
    "seed": "Int64",
    "utterance": "object",
    "paradigm": "object",
    "status": "object",
    "reason": "object",
    "seconds": "float64",
    "sample_rate": "Int64",
    "resampled_from": "Int64",
    "model_rate": "Int64",
    "nfe": "Int64",
    "enhance_seconds": "float64",
    "rtf": "float64",
    "threads": "Int64",
    "device": "object",
}
"""The columns of every table of rows, with their pandas types; integers may be missing."""

_MAPPINGS = {"tag": "tags", "finding": "findings", "adjusted": "adjusted", "computing": "computing", "cost": "cost"}
"""A row's mappings, by the prefix of their columns: one column for each name that occurs."""

_BLOCK = 1 << 14
"""So many rows are written at a time."""


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per row, sorted by key.

    Columns: the key and the facts of the enhancement; for every metric ``<metric>`` (NaN where missing),
    ``<metric>_status`` (``ok``, ``undefined``, ``error``, ``skipped``), ``<metric>_reason`` (why it is missing),
    ``<metric>_version``, and for a rate ``<metric>_errors`` and ``<metric>_total``; for every tag ``tag_<tag>``, and
    likewise for findings, adjustments, computing and cost. A metric whose name is that of a fixed column becomes
    ``<metric>_score``.
    """
    return pd.DataFrame({name: _series(column) for name, column in _columns(as_rows(rows)).items()})


def write_csv(rows: Iterable[Row], folder: Path) -> Path:
    """Write ``rows.csv`` to ``folder``: the table of ``to_frame``, which is not held in memory."""
    table = as_rows(rows)
    columns = _columns(table)
    blocks = (
        [_cells(column.take(np.arange(start, min(start + _BLOCK, len(table))))) for column in columns.values()]
        for start in range(0, len(table), _BLOCK)
    )
    return tables.write_columns(list(columns), blocks, folder / "rows.csv")


@dataclass(frozen=True, eq=False)
class _Floats:
    """Numbers of which hardly two are equal; NaN where there is none."""

    numbers: NDArray[np.float64]

    def take(self, places: Places) -> _Floats:
        return _Floats(self.numbers[places])


@dataclass(frozen=True, eq=False)
class _Typed(Column):
    """A column with its pandas type."""

    kind: str = "object"

    def take(self, places: Places) -> _Typed:
        return _Typed(self.codes[places], self.known, self.kind)


def _columns(rows: Rows) -> dict[str, _Floats | _Typed]:
    """The table's columns by their names, sorted by key."""
    table = rows.take(rows.order())
    cost = table.columns["cost"]
    special: dict[str, _Floats | _Typed] = {
        "enhance_seconds": _Floats(table.seconds),
        "rtf": _Typed(cost.codes, [prices.get("rtf") for prices in cost.known], "float64"),
    }
    found: dict[str, _Floats | _Typed] = {
        name: special.get(name) or _Typed(table.columns[name].codes, table.columns[name].known, kind)
        for name, kind in _FIXED.items()
    }
    for metric in sorted(table.scores, key=lambda metric: int(np.argmax(table.scores[metric].codes != NONE))):
        found |= _of_metric(table, metric)
    for prefix, field in _MAPPINGS.items():
        told = table.columns[field]
        for name in sorted({name for values in told.occurring() for name in values}):
            found[f"{prefix}_{name}"] = _inferred(told.codes, [values.get(name) for values in told.known])
    return found


def _of_metric(table: Rows, metric: str) -> dict[str, _Floats | _Typed]:
    answers, versions = table.answers(metric), table.columns["metric_versions"]
    codes, scores = answers.codes, [score or Score(0.0) for score in answers.others]  # the first is of a bare value
    found: dict[str, _Floats | _Typed] = {
        f"{metric}_score" if metric in _FIXED else metric: _Floats(answers.values),
        f"{metric}_status": _Typed(codes, [score.status for score in scores]),
        f"{metric}_reason": _Typed(codes, [score.reason for score in scores]),
    }
    if any(total is not None for total in Column(codes, [score.total for score in scores]).occurring()):
        found[f"{metric}_errors"] = _inferred(codes, [score.errors for score in scores])
        found[f"{metric}_total"] = _inferred(codes, [score.total for score in scores])
    found[f"{metric}_version"] = _Typed(versions.codes, [told.get(metric) for told in versions.known])
    return found


def _inferred(codes: NDArray[np.int32], values: Sequence[Any]) -> _Typed:
    """A column of the type that pandas gives to such values."""
    return _Typed(codes, values, str(pd.Series(Column(codes, values).occurring()).dtype))


def _series(column: _Floats | _Typed) -> pd.Series[Any]:
    if isinstance(column, _Floats):
        return pd.Series(column.numbers)
    return pd.Series(column.each(lambda value: value), dtype=column.kind)


def _cells(column: _Floats | _Typed) -> list[Any]:
    """What a CSV file has of the column."""
    if isinstance(column, _Floats):
        return ["" if math.isnan(value) else value for value in column.numbers.tolist()]
    whole = float if column.kind == "float64" else lambda value: value
    cells: list[Any] = column.each(lambda value: "" if value is None else tables.cell(whole(value))).tolist()
    return cells
