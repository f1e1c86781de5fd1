"""Scores of two versions of a metric are never averaged in one column.

Each row records the version of the metric for each score: package, mode, band, resampler, model file. A run that
was continued after one of these changed, or a merge of runs, can contain several versions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from results.store.info import MetricInfo, complete
from results.store.rows import Row


def separate(
    rows: Iterable[Row], metrics: Mapping[str, MetricInfo] | None = None
) -> tuple[list[Row], dict[str, MetricInfo]]:
    """The rows, with a separate name for every version of a metric, and the properties of these metrics.

    The version that ``metrics`` names, else the most frequent one, keeps the metric's name. Scores of another version
    are named ``<metric>@<difference>``. If all scores of a metric are of one version, nothing changes.
    """
    rows = list(rows)
    names: dict[tuple[str, str], str] = {}
    shown: dict[str, MetricInfo] = {}
    for metric, info in complete(metrics, rows).items():
        found = Counter(version for row in rows if (version := _version(row, metric)) is not None)
        bare = info.version if info.version in found or not found else max(found, key=lambda v: (found[v], v))
        shown[metric] = info
        for version in sorted(found.keys() - {bare}):
            what = _difference(version, bare)
            name = f"{metric}@{re.sub('[^A-Za-z0-9.+-]+', '_', what)}"
            names[metric, version] = name
            shown[name] = replace(info, label=f"{info.label} ({what})", version=version)
    return [_renamed(row, names) for row in rows] if names else rows, shown


def outdated(rows: Iterable[Row], versions: Mapping[str, str]) -> dict[str, Counter[str]]:
    """By metric, the number of scores in ``rows`` of each version other than the one in ``versions``."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        for metric in row.scores.keys() & versions.keys():
            if (version := _version(row, metric)) not in (None, versions[metric]):
                found.setdefault(metric, Counter())[version or ""] += 1
    return dict(sorted(found.items()))


def _version(row: Row, metric: str) -> str | None:
    """The version of a score; "" if it is not known; None if there is no score, or one that was never computed."""
    score = row.scores.get(metric)
    if score is None or (score.value is None and metric not in row.metric_versions):
        return None
    return row.metric_versions.get(metric, "")


def _difference(version: str, other: str) -> str:
    """The parts of ``version`` that ``other`` does not contain."""
    parts: Sequence[str] = [part for part in version.split("; ") if part not in other.split("; ")]
    return ", ".join(parts) or version or "version unknown"


def _renamed(row: Row, names: Mapping[tuple[str, str], str]) -> Row:
    new = {metric: names.get((metric, _version(row, metric) or ""), metric) for metric in row.scores}
    return replace(
        row,
        scores={new[metric]: score for metric, score in row.scores.items()},
        metric_versions={new.get(metric, metric): version for metric, version in row.metric_versions.items()},
    )
