"""Statistics of crossed ratings: medians and means with intervals, and tests of differences.

Ratings are crossed: every listener rates several clips, every clip is rated by several listeners. Intervals of means
and their differences are Student's (``crossed``); those of medians come from a bootstrap that resamples both listeners
and clips (Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 1(2), 2007), widened as in
``results.statistics.bootstrap`` for the smaller of both numbers. Both generalise to other listeners and other clips.
They stay on the scale of the ratings, and are missing if there are too few listeners or clips to exclude any part of
it. In the rank tests the listeners are the sample: a listener's clips are averaged first, and what is found holds for
other listeners with these very clips.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from listening_test.analysis import crossed
from listening_test.analysis.crossed import Array
from listening_test.design.mapping import Kind
from results.statistics.bootstrap import Draws
from results.statistics.comparison import holm, rank_biserial, wilcoxon
from results.statistics.scale import Scale

Unit = Literal["listener", "trial"]

RESAMPLES = 10_000
_PORTION = 500
"""The number of resamples that are computed at a time."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of the hypothesis that all conditions are equal.

    Attributes:
        statistic, p: chi-squared and its p-value; NaN for too few conditions or blocks.
        blocks, conditions: their numbers.
        w: Kendall's coefficient of concordance, from 0 to 1.
    """

    statistic: float
    p: float
    blocks: int
    conditions: int
    w: float


def cube(ratings: pd.DataFrame, conditions: Sequence[str]) -> Array:
    """Scores ``[listeners, clips, conditions]``, NaN where missing; several scores of one cell are averaged."""
    clip = ratings["dataset"] + "/" + ratings["utterance"]
    table = ratings.assign(clip=clip).pivot_table("score", ["listener", "clip"], "condition", aggfunc="mean")
    listeners, clips = (sorted(table.index.unique(level)) for level in ("listener", "clip"))
    full = table.reindex(pd.MultiIndex.from_product([listeners, clips]), columns=list(conditions))
    return full.to_numpy(dtype=np.float64).reshape(len(listeners), len(clips), len(conditions))


SCALES: dict[Kind, Scale] = {
    "mushra": Scale(0.0, 100.0),
    "mos": Scale(1.0, 5.0),
    "ab": Scale(-1.0, 1.0, answers=True),
    "abx": Scale(0.0, 1.0, answers=True),
    "ccr": Scale(-3.0, 3.0, answers=True),
}
"""The range of scores in each kind of test."""


def summaries(ratings: pd.DataFrame, conditions: Sequence[str], kind: Kind, seed: int) -> pd.DataFrame:
    """A line for each condition: ``n, listeners, clips``, median, mean and quartiles with their intervals."""
    scores = cube(ratings, conditions)
    medians = _interval(scores, _median, SCALES[kind], seed)
    lines = []
    for index, condition in enumerate(conditions):
        own = scores[:, :, index]
        there = ~np.isnan(own)
        values = own[there]
        if values.size == 0:
            continue
        q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
        low, high = crossed.estimate(own).interval(CONFIDENCE, SCALES[kind])
        counts = (values.size, int(there.any(axis=1).sum()), int(there.any(axis=0).sum()))
        lines.append(
            (
                condition,
                *counts,
                median,
                medians[0][index],
                medians[1][index],
                values.mean(),
                low,
                high,
                q1,
                q3,
            )
        )
    names = ("condition", "n", "listeners", "clips", "median", "median_low", "median_high")
    return pd.DataFrame(lines, columns=[*names, "mean", "mean_low", "mean_high", "q1", "q3"])


def blocks(ratings: pd.DataFrame, conditions: Sequence[str], unit: Unit) -> Array:
    """Scores ``[blocks, conditions]`` of listeners (their clips averaged) or of single pages; complete blocks only."""
    scores = cube(ratings, conditions)
    partly = np.isnan(scores).any(axis=2)  # use only clips of which a listener rated all conditions
    scores[partly] = math.nan
    pages = scores.reshape(-1, len(conditions))
    table = pages if unit == "trial" else _quietly(np.nanmean, scores, axis=1)
    return np.asarray(table[~np.isnan(table).any(axis=1)]).round(9)  # so that means equal up to rounding are ties


def friedman(table: Array) -> Friedman:
    """Friedman's test over ``[blocks, conditions]``."""
    count, conditions = table.shape
    if conditions < 3 or count < 2 or np.ptp(table, axis=1).max() == 0:
        return Friedman(math.nan, math.nan, count, conditions, math.nan)
    statistic, p = stats.friedmanchisquare(*table.T)
    return Friedman(float(statistic), float(p), count, conditions, float(statistic / (count * (conditions - 1))))


def pairs(ratings: pd.DataFrame, conditions: Sequence[str], kind: Kind, unit: Unit) -> pd.DataFrame:
    """For every pair of conditions: mean difference with interval and t test, Wilcoxon's signed-rank test, Holm's p.

    ``p_t`` fits the interval: both speak of other listeners and other clips. ``p`` is Wilcoxon's, of other listeners
    with these clips; ``effect`` its matched-pairs rank-biserial correlation, 1 if every block prefers the first.
    """
    couples = list(itertools.combinations(range(len(conditions)), 2))
    scores, table = cube(ratings, conditions), blocks(ratings, conditions, unit)
    scale = SCALES[kind].differences()
    lines = []
    of_blocks = np.array([table[:, one] - table[:, other] for one, other in couples])
    effects, p = rank_biserial(of_blocks), wilcoxon(of_blocks)
    for index, (one, other) in enumerate(couples):
        found = crossed.estimate(scores[:, :, one] - scores[:, :, other])
        bounds = (found.mean, *found.interval(CONFIDENCE, scale), found.p(scale))
        lines.append((conditions[one], conditions[other], len(table), *bounds, effects[index], p[index]))
    names = ["condition", "other", "n", "difference", "low", "high", "p_t", "effect", "p"]
    found_pairs = pd.DataFrame(lines, columns=names)
    return found_pairs.assign(p_holm=holm(p), p_t_holm=holm(found_pairs["p_t"].to_numpy()))


def comparisons(ratings: pd.DataFrame, kind: Kind, conditions: Sequence[str], seed: int) -> pd.DataFrame:
    """For tests with two conditions per page: each pair's mean score with its interval, and a test of it.

    ab, ccr: Wilcoxon's signed-rank test of listeners' means against zero. abx: the exact binomial test of all
    answers against chance, one-sided, and the exact interval of the share of right answers (Clopper and Pearson,
    Biometrika 26, 1934); both assume independent answers.
    """
    lines = []
    for (one, other), own in ratings.groupby(["condition", "other"], sort=False):
        values = own["score"].to_numpy(dtype=np.float64)
        if kind == "abx":
            right = int(values.sum())
            p = float(stats.binomtest(right, values.size, 0.5, alternative="greater").pvalue)
            low, high = stats.binomtest(right, values.size).proportion_ci(CONFIDENCE, method="exact")
        else:
            scores = cube(own, [str(one)])
            (low,), (high,) = _interval(scores, _mean, SCALES[kind], seed)
            p = float(wilcoxon(_quietly(np.nanmean, scores[:, :, 0], axis=1)[None])[0])
        lines.append((one, other, values.size, own["listener"].nunique(), values.mean(), low, high, p))
    table = pd.DataFrame(lines, columns=["condition", "other", "n", "listeners", "score", "low", "high", "p"])
    order = {name: index for index, name in enumerate(conditions)}
    table = table.sort_values(["condition", "other"], key=lambda names: names.map(order), ignore_index=True)
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def assumptions(ratings: pd.DataFrame, conditions: Sequence[str]) -> tuple[pd.DataFrame, float]:
    """Whether ratings are normal and of equal variance, as pymushra reports it.

    A line for each condition with ``n`` and the p-value of Kolmogorov and Smirnov's test with Lilliefors' correction,
    and the p-value of Levene's test (about the median) over all conditions; NaN for too few or equal ratings.
    """
    from statsmodels.stats.diagnostic import lilliefors

    scores = {name: ratings.loc[ratings["condition"] == name, "score"].to_numpy(np.float64) for name in conditions}
    scores = {name: values for name, values in scores.items() if values.size}
    lines = [
        (name, values.size, float(_quietly(lilliefors, values)[1]) if values.size > 3 and np.ptp(values) else math.nan)
        for name, values in scores.items()
    ]
    spread = [values for values in scores.values() if values.size > 1]
    equal = float(_quietly(stats.levene, *spread).pvalue) if len(spread) > 1 else math.nan
    return pd.DataFrame(lines, columns=["condition", "n", "p_normal"]), equal


def smallest_p(count: int, tests: int) -> float:
    """The smallest p-value that Wilcoxon's test of ``count`` blocks can reach after Holm's correction for ``tests``."""
    return min(1.0, 2.0 ** (1 - count) * tests)


def _mean(values: Array, weights: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(weights @ values / weights.sum(axis=1))


def _median(values: Array, weights: Array) -> Array:
    """The median of sorted ``values``, each repeated by its weight; weights are integers ``[resamples, values]``."""
    upto = np.cumsum(weights, axis=1)
    total = upto[:, -1:]
    middle = [values[np.argmax(upto > np.floor(place), axis=1)] for place in ((total - 1) / 2, total / 2)]
    return np.where(total[:, 0] > 0, (middle[0] + middle[1]) / 2, math.nan)


def _interval(
    scores: Array, statistic: Callable[[Array, Array], Array], scale: Scale, seed: int
) -> tuple[Array, Array]:
    """Interval of ``statistic`` over ``[listeners, clips, conditions]`` for each condition; NaN for too few of either.

    Listeners and clips are resampled; a score's weight is the product of how often its listener and clip are drawn.
    """
    rng = np.random.default_rng(seed)
    listeners, clips, conditions = scores.shape
    of_listeners, of_clips = (rng.multinomial(n, [1 / n] * n, size=RESAMPLES) for n in (listeners, clips))
    estimate, drawn = np.empty(conditions), np.empty((conditions, RESAMPLES))
    for condition in range(conditions):
        listener, clip = np.nonzero(~np.isnan(scores[:, :, condition]))
        order = np.argsort(scores[listener, clip, condition])
        listener, clip = listener[order], clip[order]
        values = scores[listener, clip, condition]
        estimate[condition] = statistic(values, np.ones((1, values.size)))[0]
        for start in range(0, RESAMPLES, _PORTION):
            part = slice(start, start + _PORTION)
            weights = of_listeners[part][:, listener] * of_clips[part][:, clip]
            drawn[condition, part] = statistic(values, weights.astype(np.float64))
    units = min((count for count in (listeners, clips) if count > 1), default=1)
    return Draws(estimate, drawn, np.full(conditions, units)).interval(CONFIDENCE, scale)


def _quietly(compute: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call without numpy's and scipy's warnings about empty means and ties; the caller handles these cases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compute(*arguments, **options)
