"""Pairwise comparison of systems on the same recordings.

The difference of two systems is estimated on recordings where both have a value, with the same resamples for both
(paired bootstrap). It is also tested with Wilcoxon's signed-rank test over independent units. A dataset's
comparisons by one metric are one family: their p-values are corrected by Holm's method, which keeps the
probability of any false positive in a table below the level (5 %) for any number of systems.
Standings use the bootstrap test, because it tests the mean that the table ranks by; the rank test does not.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from results.statistics.bootstrap import RESAMPLES, Draws, Resampler
from results.statistics.panel import MetricScores, Panel

Array = NDArray[np.float64]
Standing = Literal["best", "tied", ""]

_EXACT_UP_TO = 50
"""The signed-rank distribution is exact up to this many differences, tied or not, and normal above."""

_EQUAL = 1e-9
"""Relative differences below this are rounding errors and count as ties or as no variance."""


@dataclass(frozen=True)
class Comparison:
    """One metric of two systems of a panel, ``first`` minus ``second``.

    Attributes:
        first, second: indices into the panel's systems.
        n, units: recordings, and independent units, where both have a value.
        difference: of the means (of the pooled rates) over these recordings, in the metric's unit.
        low, high: its interval, uncorrected; NaN for too few units.
        p_bootstrap, p_wilcoxon: two-sided; NaN where there are fewer than two units.
        holm_bootstrap, holm_wilcoxon: corrected for all comparisons by this metric on this dataset. Those with an
            oracle are not among them, and have NaN.
        dz: Cohen's d of paired data: mean over standard deviation of the recordings' differences.
        rank_biserial: matched-pairs rank-biserial correlation (Kerby, 2014) of the recordings'
            differences, from -1 (``second`` is greater on every one) to 1.
    """

    metric: str
    first: int
    second: int
    n: int
    units: int
    difference: float
    low: float
    high: float
    p_bootstrap: float
    holm_bootstrap: float
    p_wilcoxon: float
    holm_wilcoxon: float
    dz: float
    rank_biserial: float


def compare(panel: Panel, confidence: float = 0.95, resamples: int = RESAMPLES) -> dict[str, list[Comparison]]:
    """By metric, the comparison of every pair of the panel's systems, in their order."""
    if len(panel.systems) < 2:
        return {metric: [] for metric in panel.scores}
    resampler = Resampler(panel.unit_count, resamples)
    return {metric: _compare(panel, metric, scores, resampler, confidence) for metric, scores in panel.scores.items()}


def _compare(
    panel: Panel, metric: str, scores: MetricScores, resampler: Resampler, confidence: float
) -> list[Comparison]:
    first, second = np.triu_indices(len(panel.systems), 1)
    paired = _pair(panel, scores, first, second, resampler)
    scale = scores.scale.differences()
    low, high = paired.draws.interval(confidence, scale)
    p_bootstrap = paired.draws.p_value(scale)
    p_wilcoxon = wilcoxon(paired.of_units)
    ranked = ~(np.isin(first, list(panel.oracles)) | np.isin(second, list(panel.oracles)))
    between_clips = scores.clips[first] - scores.clips[second]
    columns = (
        np.isfinite(between_clips).sum(axis=1),
        paired.draws.units,
        *(paired.draws.estimate, low, high),
        *(p_bootstrap, holm(np.where(ranked, p_bootstrap, np.nan))),
        *(p_wilcoxon, holm(np.where(ranked, p_wilcoxon, np.nan))),
        *(cohens_dz(between_clips), rank_biserial(between_clips)),
    )
    lists = [column.tolist() for column in (first, second, *columns)]
    return [Comparison(metric, *line) for line in zip(*lists, strict=True)]


@dataclass(frozen=True)
class _Paired:
    """Differences of pairs: overall with resamples, and per unit ``[pairs, units]``, NaN unless both have a value."""

    draws: Draws
    of_units: Array


def _pair(
    panel: Panel, scores: MetricScores, first: NDArray[np.intp], second: NDArray[np.intp], resampler: Resampler
) -> _Paired:
    """Differences of every pair of systems over the clips where both have a value.

    Sums are shared between pairs with the same common clips; usually these are all clips.
    """
    numerators, denominators = scores.fractions
    there = scores.counted
    columns: dict[tuple[int, bytes], int] = {}
    above, below = [], []
    place: list[tuple[int, int]] = []
    for pair in zip(first.tolist(), second.tolist(), strict=True):
        common = there[pair[0]] & there[pair[1]]
        mark = common.tobytes()
        for system in pair:
            if (system, mark) not in columns:
                columns[system, mark] = len(columns)
                above.append(numerators[system] * common)
                below.append(denominators[system] * common)
        place.append((columns[pair[0], mark], columns[pair[1], mark]))
    at = np.array(place)
    sums, counts = panel.by_unit(np.array(above)), panel.by_unit(np.array(below))
    draws = resampler.ratios(sums, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_units = np.where(counts > 0, sums / counts, np.nan)
    return _Paired(draws[at[:, 0]] - draws[at[:, 1]], of_units[at[:, 0]] - of_units[at[:, 1]])


def contenders(scores: MetricScores) -> list[int]:
    """The systems that can be marked best.

    None of their scores failed where another system has one, and they have at least half as many scores as any
    other system. So a system cannot win by failing on hard recordings. Skipped recordings are not failures, but a
    system with few recordings cannot be best.
    """
    scored: NDArray[np.bool_] = np.isfinite(scores.clips)
    counts = scored.sum(axis=1)
    possible: NDArray[np.bool_] = np.asarray(scored.any(axis=0))
    return [
        number
        for number, lost in enumerate(scores.missing)
        if 0 < counts.max() <= 2 * counts[number]
        and not any(possible[clip] and score.status != "skipped" for clip, score in lost.items())
    ]


def standings(
    scores: MetricScores,
    comparisons: Sequence[Comparison],
    direction: int,
    level: float = 0.05,
    barred: Container[int] = (),
) -> list[Standing]:
    """Which system is best by a metric, and which others do not differ from it significantly.

    Best is the contender that is ahead of most others, each pair compared on its common recordings. If all systems
    have all recordings, this is the best mean. A system is tied if it does not differ significantly from the best:
    Holm's p-value is ``level`` or more, or undefined (a single unit).

    Args:
        comparisons: of every pair of systems, by this metric.
        direction: 1 where more is better, -1 where less is, 0 where neither: then none is best.
        barred: systems that are neither best nor tied, whatever they score.
    """
    standing: list[Standing] = [""] * len(scores.clips)
    able = [number for number in contenders(scores) if number not in barred]
    if not able or not direction:
        return standing
    lead = dict.fromkeys(able, 0)
    for pair in comparisons:
        if pair.first in lead and pair.second in lead:
            ahead = int(np.sign(direction * np.nan_to_num(pair.difference)))
            lead[pair.first] += ahead
            lead[pair.second] -= ahead
    best = max(able, key=lead.__getitem__)
    against = {pair.first + pair.second - best: pair for pair in comparisons if best in (pair.first, pair.second)}
    for number in able:
        if number == best or against[number].difference == 0:
            standing[number] = "best"
        elif not against[number].holm_bootstrap < level:
            standing[number] = "tied"
    return standing


def holm(p: Array) -> Array:
    """Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979); NaN stays and does not count.

    statsmodels has it too (tests compare the two), but does not accept NaN, and the leaderboard does not need it
    for anything else.
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return adjusted


def cohens_dz(differences: Array) -> Array:
    """Mean over standard deviation (``ddof=1``) of each line; 0 where all are 0, infinite where all are the same.

    NaN for fewer than two.
    """
    count = np.isfinite(differences).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(differences, axis=1) / count
        sd = np.sqrt(np.nansum((differences - mean[:, None]) ** 2, axis=1) / (count - 1))
        sd = np.where(sd <= _EQUAL * np.abs(mean), 0.0, sd)
        dz = np.where(mean == 0, 0.0, mean / sd)
    return np.where(count > 1, dz, np.nan)


def rank_biserial(differences: Array) -> Array:
    """Matched-pairs rank-biserial correlation of each line: (W+ - W-) / (W+ + W-); 0 where all are 0, NaN for none."""
    ranks = _ranks(differences)
    total = ranks.sum(axis=1)
    signed = (np.sign(np.nan_to_num(differences)) * ranks).sum(axis=1)
    some = np.isfinite(differences).any(axis=1)
    return np.where(some, np.divide(signed, total, out=np.zeros(len(total)), where=total > 0), np.nan)


def wilcoxon(differences: Array) -> Array:
    """Two-sided p-values of Wilcoxon's signed-rank test of each line; zeros and NaN are left out, ties share ranks.

    Exact, given the ranks, for up to 50 differences; else normal, without continuity correction. 1 where
    all differences are 0, NaN for fewer than two. scipy's is exact only without ties and zeros (the tests compare).
    """
    ranks = _ranks(differences)
    positive = (ranks * (np.nan_to_num(differences) > 0)).sum(axis=1)
    used = (ranks > 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (positive - ranks.sum(axis=1) / 2) / np.sqrt((ranks**2).sum(axis=1) / 4)
    p = np.where(used > 0, 2 * stats.norm.sf(np.abs(z)), 1.0)
    for line in np.flatnonzero((used > 0) & (used <= _EXACT_UP_TO)):
        below, above = _tails(tuple(np.sort(ranks[line][ranks[line] > 0])))
        place = round(2 * positive[line])
        p[line] = min(1.0, 2 * min(below[place], above[place]))
    return np.where(np.isfinite(differences).sum(axis=1) > 1, p, np.nan)


def _ranks(differences: Array) -> Array:
    """Ranks of the absolute differences in each line, from 1, ties shared; 0 for zeros and NaN."""
    sizes = np.abs(differences)
    with np.errstate(invalid="ignore", divide="ignore"):
        largest = np.fmax.reduce(sizes, axis=1, initial=0.0)[:, None]
        sizes = np.round(sizes / largest / _EQUAL)  # values that differ only by rounding are tied
    sizes[sizes == 0] = np.nan
    ranks: Array = np.nan_to_num(stats.rankdata(sizes, axis=1, nan_policy="omit"))
    return ranks


@lru_cache(maxsize=1024)
def _tails(ranks: tuple[float, ...]) -> tuple[Array, Array]:
    """P(W+ <= w) and P(W+ >= w) when every rank is positive or negative at random, by ``2 w`` (ties halve ranks)."""
    chance: Array = np.ones(1)
    for rank in ranks:
        step = round(2 * rank)
        chance = (np.pad(chance, (0, step)) + np.pad(chance, (step, 0))) / 2
    return np.cumsum(chance), np.cumsum(chance[::-1])[::-1]
