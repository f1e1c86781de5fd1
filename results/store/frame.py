"""Rows as a table for pandas users: one row per key, one column per metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core import tables
from results.store.info import complete
from results.store.rows import Key, Row

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

_OF: dict[str, Callable[[Row], Any]] = {
    name: attrgetter(f"key.{name}" if name in {field.name for field in fields(Key)} else name) for name in _FIXED
}
"""What gives each of them."""

_MAPPINGS: dict[str, Callable[[Row], Mapping[str, Any]]] = {
    "tag": lambda row: row.tags,
    "finding": lambda row: row.findings,
    "adjusted": lambda row: row.adjusted,
    "computing": lambda row: row.computing,
    "cost": lambda row: row.cost,
}
"""A row's mappings, by the prefix of their columns: one column for each name that occurs."""


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per row, sorted by key.

    Columns: the key and the facts of the enhancement; for every metric ``<metric>`` (NaN where missing),
    ``<metric>_status`` (``ok``, ``undefined``, ``error``, ``skipped``), ``<metric>_reason`` (why it is missing),
    ``<metric>_version``, and for a rate ``<metric>_errors`` and ``<metric>_total``; for every tag ``tag_<tag>``, and
    likewise for findings, adjustments, computing and cost. A metric whose name is that of a fixed column becomes
    ``<metric>_score``.
    """
    rows = sorted(rows, key=lambda row: row.key.order())
    columns: dict[str, Any] = {name: list(map(_OF[name], rows)) for name in _FIXED}
    numbers = dict(_FIXED)
    for metric in complete(None, rows):
        scores = [row.score(metric) for row in rows]
        name = f"{metric}_score" if metric in _FIXED else metric
        numbers[name] = "float64"
        columns[name] = [score.value for score in scores]
        columns[f"{metric}_status"] = _texts(score.status for score in scores)
        columns[f"{metric}_reason"] = _texts(score.reason for score in scores)
        if any(score.total is not None for score in scores):
            columns[f"{metric}_errors"] = [score.errors for score in scores]
            columns[f"{metric}_total"] = [score.total for score in scores]
        columns[f"{metric}_version"] = _texts(row.metric_versions.get(metric) for row in rows)
    for prefix, of in _MAPPINGS.items():
        for name in sorted({name for row in rows for name in of(row)}):
            columns[f"{prefix}_{name}"] = [of(row).get(name) for row in rows]
    typed = {name: pd.Series(values, dtype=numbers.get(name)) for name, values in columns.items()}
    return pd.DataFrame(typed)


def _texts(values: Iterable[str | None]) -> pd.Series[Any]:
    """A column of texts, which pandas need not search for dates."""
    return pd.Series(list(values), dtype=object)


def write_csv(rows: Iterable[Row], folder: Path) -> Path:
    """Write ``rows.csv`` to ``folder``."""
    return tables.write(to_frame(rows), folder / "rows.csv", float_format=None)
