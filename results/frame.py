"""Rows as a table for pandas users: one row per key, one column per metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from results.files import replacing
from results.info import complete
from results.rows import Row

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
"""Columns that every table of rows has, and their pandas types; integers can be missing."""


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per row, sorted by key.

    Columns: the key and what is known of the enhancement; for every metric ``<metric>`` (NaN where
    missing), ``<metric>_status`` (``ok``, ``undefined``, ``error``, ``skipped``) and ``<metric>_version``
    (what it was computed by), and ``<metric>_errors`` and ``<metric>_total`` of a rate; for every tag
    ``tag_<tag>``. A metric called like one of the fixed columns is ``<metric>_score``.
    """
    rows = sorted(rows, key=lambda row: row.key)
    columns = {metric: f"{metric}_score" if metric in _FIXED else metric for metric in complete(None, rows)}
    records = [_record(row, columns) for row in rows]
    tags = sorted({f"tag_{tag}" for row in rows for tag in row.tags})
    rates = {metric for row in rows for metric, score in row.scores.items() if score.total is not None}
    scored = [name for metric, column in columns.items() for name in _columns(metric, column, metric in rates)]
    frame = pd.DataFrame(records, columns=[*_FIXED, *scored, *tags])
    return frame.astype({**_FIXED, **dict.fromkeys(columns.values(), "float64")})


def _columns(metric: str, column: str, rate: bool) -> list[str]:
    counts = [f"{metric}_errors", f"{metric}_total"] if rate else []
    return [column, f"{metric}_status", *counts, f"{metric}_version"]


def _record(row: Row, columns: Mapping[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        name: getattr(row.key, name) if hasattr(row.key, name) else getattr(row, name) for name in _FIXED
    }
    for metric, column in columns.items():
        score = row.score(metric)
        record |= {
            column: score.value,
            f"{metric}_status": score.status,
            f"{metric}_errors": score.errors,
            f"{metric}_total": score.total,
            f"{metric}_version": row.metric_versions.get(metric),
        }
    return record | {f"tag_{tag}": value for tag, value in row.tags.items()}


def write_csv(rows: Iterable[Row], folder: Path) -> Path:
    """``rows.csv`` in ``folder``."""
    path = folder / "rows.csv"
    with replacing(path) as temporary:
        to_frame(rows).to_csv(temporary, index=False, errors="backslashreplace")
    return path
