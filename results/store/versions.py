"""Scores of two versions of a metric are never averaged in one column.

Each row records the version of the metric for each score: package, mode, band, resampler, model file. A run that
was continued after one of these changed, or a merge of runs, can contain several versions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.store.columns import NONE, Column, Rows, ScoreColumn
from results.store.info import MetricInfo, complete
from results.store.reading import as_rows
from results.store.rows import Row


def separate(
    rows: Iterable[Row], metrics: Mapping[str, MetricInfo] | None = None
) -> tuple[Rows, dict[str, MetricInfo]]:
    """The rows, with a separate name for every version of a metric, and the properties of these metrics.

    The version that ``metrics`` names, else the most frequent one, keeps the metric's name. Scores of another version
    are named ``<metric>@<difference>``. If all scores of a metric are of one version, nothing changes.
    """
    rows = as_rows(rows)
    names: dict[tuple[str, str], str] = {}
    shown: dict[str, MetricInfo] = {}
    scores: dict[str, ScoreColumn] = {}
    for metric, info in complete(metrics, rows.scores).items():
        of_rows = _versions(rows, metric)
        found = Counter(version for version in of_rows.tolist() if version is not None)
        bare = info.version if info.version in found or not found else max(found, key=lambda v: (found[v], v))
        shown[metric] = info
        if metric in rows.scores:
            scores[metric] = rows.scores[metric].only(~np.isin(of_rows, list(found.keys() - {bare})))
        for version in sorted(found.keys() - {bare}):
            what = _difference(version, bare)
            name = f"{metric}@{re.sub('[^A-Za-z0-9.+-]+', '_', what)}"
            names[metric, version] = name
            shown[name] = replace(info, label=f"{info.label} ({what})", version=version)
            scores[name] = rows.scores[metric].only(of_rows == version)
    return _renamed(rows, scores, names) if names else rows, shown


def outdated(rows: Iterable[Row], versions: Mapping[str, str]) -> dict[str, Counter[str]]:
    """By metric, the number of scores in ``rows`` of each version other than the one in ``versions``."""
    rows = as_rows(rows)
    found: dict[str, Counter[str]] = {}
    for metric in sorted(rows.scores.keys() & versions.keys()):
        counts = Counter(_versions(rows, metric).tolist())
        del counts[None], counts[versions[metric]]
        if counts:
            found[metric] = counts
    return found


def _versions(rows: Rows, metric: str) -> NDArray[Any]:
    """The version of every row's score; "" if it is not known; None if there is no score, or it was never computed."""
    if (scores := rows.scores.get(metric)) is None:
        return np.full(len(rows), None)
    versions = rows.columns["metric_versions"]
    found = versions.each(lambda told: told.get(metric))
    found[~versions.each(lambda told: metric in told, bool) & np.isfinite(scores.values)] = ""
    found[scores.codes == NONE] = None
    return found


def _difference(version: str, other: str) -> str:
    """The parts of ``version`` that ``other`` does not contain."""
    parts: Sequence[str] = [part for part in version.split("; ") if part not in other.split("; ")]
    return ", ".join(parts) or version or "version unknown"


def _renamed(rows: Rows, scores: Mapping[str, ScoreColumn], names: Mapping[tuple[str, str], str]) -> Rows:
    versions = rows.columns["metric_versions"]
    renamed = [{names.get(pair, pair[0]): pair[1] for pair in told.items()} for told in versions.known]
    return Rows({**rows.columns, "metric_versions": Column(versions.codes, renamed)}, rows.seconds, scores)
