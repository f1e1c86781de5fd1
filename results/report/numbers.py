"""What the page's script needs of a dataset: scores by recording, comparisons, and texts; compact, and computed here.

The script sorts, filters and subtracts one shown score from another; it computes no statistic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from results.report import charts
from results.statistics.analysis import Analysis
from results.statistics.comparison import Comparison
from results.store.info import MetricInfo
from results.store.rows import Row

Plain = dict[str, Any]


def dataset(analysis: Analysis) -> Plain:
    """Systems, metrics, recordings with their tags, and every score, in columns."""
    panel, colours = analysis.panel, charts.palette(analysis)
    return {
        "name": panel.dataset,
        "systems": [
            {"label": system.label, "colour": colour, "control": system.paradigm == "control"}
            for system, colour in zip(panel.systems, colours, strict=True)
        ],
        "metrics": {name: _metric(analysis.metrics[name]) for name in analysis.shown},
        "clips": list(panel.clips),
        "tags": {name: list(values) for name, values in panel.tags.items()},
        "scores": {name: [_column(line) for line in panel.scores[name].clips] for name in analysis.shown},
        "best": {name: at for name in analysis.shown for at in _best(analysis, name)},
        "pairs": {name: [_pair(analysis, pair) for pair in _told(analysis, name)] for name in analysis.shown},
    }


def _best(analysis: Analysis, metric: str) -> list[int]:
    """The first system marked best, if any."""
    return [number for number, standing in enumerate(analysis.standings[metric]) if standing == "best"][:1]


def _metric(info: MetricInfo) -> Plain:
    decimals = len(info.format(0.0).partition(".")[2])
    return {"label": info.label, "heading": info.heading, "direction": info.direction, "decimals": decimals}


def _column(values: NDArray[Any]) -> list[float | None]:
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values.tolist()]


def _told(analysis: Analysis, metric: str) -> Iterable[Comparison]:
    return (pair for pair in analysis.comparisons[metric] if pair.n)


def _pair(analysis: Analysis, pair: Comparison) -> list[Any]:
    """First, second, difference, low, high, Holm's p, effect sizes, n, and which is better: 1, -1, or 0 for neither."""
    significant = pair.holm_bootstrap < analysis.options.level
    better = int(significant) * analysis.metrics[pair.metric].direction * (1 if pair.difference > 0 else -1)
    numbers = (pair.difference, pair.low, pair.high, pair.holm_bootstrap, pair.holm_wilcoxon, pair.dz)
    return [pair.first, pair.second, *map(_number, (*numbers, pair.rank_biserial)), pair.n, better]


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def texts(analysis: Analysis) -> Plain:
    """By system and recording: what was recognised, and why scores are missing. Read by the page when first needed."""
    place = {clip: index for index, clip in enumerate(analysis.panel.clips)}
    return {
        "recognised": _sparse(analysis, place, _recognised),
        "missing": _sparse(analysis, place, lambda row: _missing(row, analysis.metrics)),
    }


def _sparse(analysis: Analysis, place: Mapping[str, int], of: Callable[[Row], str]) -> Plain:
    """``{system: {recording: text}}`` of the first row (seed) that has one."""
    found: dict[str, dict[str, str]] = {}
    for number, system in enumerate(analysis.panel.systems):
        for row in system.rows:
            if text := of(row):
                found.setdefault(str(number), {}).setdefault(str(place[row.key.utterance]), text)
    return found


def _recognised(row: Row) -> str:
    said = (score.detail.get("recognised") for score in row.scores.values())
    return next((str(text) for text in said if text is not None), "")


def _missing(row: Row, metrics: Mapping[str, MetricInfo]) -> str:
    if row.status != "ok":
        return f"{row.status}: {row.reason}"
    lost = ((metrics[name].label, score) for name, score in row.scores.items() if score.value is None)
    return "; ".join(f"{label} {score.status} ({score.reason})" for label, score in lost if score.status != "skipped")
