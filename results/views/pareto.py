"""Which systems nothing cheaper matches, and where more cost stops paying.

A system is on the Pareto front of a cost and a metric if no system that costs as much or less has a better mean. The
knee is the point of the front farthest above the line between its ends, cost on a logarithmic axis and both axes
scaled to [0, 1] (Satopää, Albrecht, Irwin, Raghavan, "Finding a 'Kneedle' in a Haystack", ICDCS Workshops, 2011).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from results.statistics.analysis import Analysis
from results.statistics.comparison import contenders
from results.statistics.summaries import Summary

COSTS: Mapping[str, str] = {
    "nfe": "network calls (NFE) per recording",
    "macs": "multiply-accumulates per second of audio",
    "rtf": "real-time factor",
}
"""By name, what a cost is, as an axis is labelled."""


@dataclass(frozen=True)
class TradeOff:
    """One metric against one cost.

    Attributes:
        cost, metric: their names, as in ``COSTS`` and the analysis.
        points: by the system's index, its cost (above 0) and its mean.
        front: the systems on the Pareto front, the cheapest first.
        knee: one of them; None for a front of fewer than three, or without a bend.
    """

    cost: str
    metric: str
    points: Mapping[int, tuple[float, float]]
    front: tuple[int, ...]
    knee: int | None


def cost_of(summary: Summary, cost: str) -> float:
    """A system's cost; NaN where it is not known."""
    if cost == "macs":
        return summary.cost.get("macs_per_second", math.nan)
    return summary.nfe if cost == "nfe" else summary.rtf


def trade_off(analysis: Analysis, cost: str, metric: str) -> TradeOff | None:
    """The metric against the cost; None if fewer than two systems have both.

    Controls are no points. Systems that cannot be marked best (``contenders``, degenerate ones) are not on the front.
    """
    amounts = [cost_of(summary, cost) for summary in analysis.summaries]
    points = {
        number: (amounts[number], summary.metrics[metric].mean)
        for number, summary in enumerate(analysis.summaries)
        if summary.system.paradigm != "control" and amounts[number] > 0 and math.isfinite(summary.metrics[metric].mean)
    }
    if len(points) < 2:
        return None
    direction = analysis.metrics[metric].direction
    able = set(contenders(analysis.panel.scores[metric])) - analysis.panel.degenerate
    front = pareto({at: point for at, point in points.items() if at in able}, direction)
    return TradeOff(cost, metric, points, front, knee([points[at] for at in front], front, direction))


def pareto(points: Mapping[int, tuple[float, float]], direction: int) -> tuple[int, ...]:
    """The undominated of ``points`` (cost, value), by cost; none where neither direction is better."""
    front: list[int] = []
    best = -math.inf
    for number in sorted(points, key=lambda at: (points[at][0], -direction * points[at][1])):
        if direction and direction * points[number][1] > best:
            best = direction * points[number][1]
            front.append(number)
    return tuple(front)


def knee(points: list[tuple[float, float]], names: tuple[int, ...], direction: int) -> int | None:
    """Which of ``names`` is the knee of a front of ``points``, sorted by cost."""
    if len(points) < 3:
        return None
    x, y = np.log([cost for cost, _ in points]), direction * np.array([value for _, value in points])
    height = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    at = int(np.argmax(height))
    return names[at] if height[at] > 0 else None
