"""Mean ranks of systems, Friedman's test, and which differ by Nemenyi's critical difference.

J. Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006, sections 3.2.2 and 3.2.4.
Blocks are the independent units (speakers, or recordings): every system is ranked within each. scikit-posthocs has the
same and its diagram, but needs statsmodels, which is optional here; the critical difference is one line of scipy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from results.statistics.analysis import Analysis
from results.store.info import UNRANKED

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ranks:
    """Ranks of some systems by one metric.

    Attributes:
        labels, paradigms: of the systems, from the best mean rank.
        means: ``[systems]``, mean ranks; 1 is best.
        blocks: over how many units, those in which every system has a value.
        p: of Friedman's test; NaN for fewer than three systems or two blocks.
        critical: mean ranks that differ by less are not told apart; NaN likewise.
    """

    metric: str
    labels: Sequence[str]
    paradigms: Sequence[str]
    means: Array
    blocks: int
    p: float
    critical: float

    def groups(self) -> list[tuple[int, int]]:
        """The widest groups of neighbours that are not told apart: first and last place, two systems or more."""
        if math.isnan(self.critical):
            return []
        reach = [int(np.flatnonzero(self.means <= first + self.critical).max()) for first in self.means]
        found = [(first, last) for first, last in enumerate(reach) if last > first]
        return [one for one in found if not any(other != one and _within(one, other) for other in found)]


def _within(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return other[0] <= one[0] and one[1] <= other[1]


def ranks(analysis: Analysis, metric: str) -> Ranks:
    """The ranks of every system but controls and oracles."""
    panel, info = analysis.panel, analysis.metrics[metric]
    scores = panel.scores[metric]
    able = [
        number
        for number, system in enumerate(panel.systems)
        if system.paradigm not in UNRANKED and analysis.summaries[number].metrics[metric].n
    ]
    above, below = (panel.by_unit(part[able]) for part in scores.fractions)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = (above / np.where(below > 0, below, np.nan)).T
    table = table[np.isfinite(table).all(axis=1)]
    found = mean_ranks(table * (-info.direction or 1))
    order = np.argsort(found, kind="stable")
    systems = [panel.systems[able[place]] for place in order]
    return Ranks(
        metric,
        [system.label for system in systems],
        [system.paradigm for system in systems],
        found[order],
        len(table),
        friedman(table),
        critical_difference(len(able), len(table), analysis.options.level),
    )


def mean_ranks(table: Array) -> Array:
    """Mean ranks ``[systems]`` of ``[blocks, systems]``, 1 for the lowest value; ties share ranks."""
    return np.asarray(stats.rankdata(table, axis=1).mean(axis=0) if len(table) else np.full(table.shape[1], np.nan))


def friedman(table: Array) -> float:
    """The p-value of Friedman's test over ``[blocks, systems]``; 1 where every block is tied."""
    if table.shape[1] < 3 or len(table) < 2:
        return math.nan
    if np.ptp(table, axis=1).max() == 0:
        return 1.0
    return float(stats.friedmanchisquare(*table.T).pvalue)


def critical_difference(systems: int, blocks: int, level: float = 0.05) -> float:
    """Nemenyi's: the least difference of mean ranks that is significant."""
    if systems < 2 or blocks < 2:
        return math.nan
    q = stats.studentized_range.isf(level, systems, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(systems * (systems + 1) / (6 * blocks)))
