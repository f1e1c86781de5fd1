"""Correlations between metrics within each paradigm, and warnings about systems that lead on one metric only.

Metrics that correlate on predictive methods need not correlate on generative ones (de Oliveira, Richter, Lemercier,
Peer, Gerkmann, "On the Behavior of Intrusive and Non-intrusive Speech Enhancement Metrics in Predictive and
Generative Settings", ITG Conference on Speech Communication, 2023), and a method optimised for one metric can
lead on it while it is worse by all others (de Oliveira, Welker, Richter, Gerkmann, "The
PESQetarian: On the Relevance of Goodhart's Law for Speech Enhancement", Interspeech, 2024).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from results.statistics.analysis import Analysis
from results.statistics.bootstrap import Draws, Resampler
from results.statistics.comparison import contenders
from results.store.info import UNRANKED

Array = NDArray[np.float64]
Kind = Literal["pearson", "spearman"]
KINDS: tuple[Kind, ...] = ("pearson", "spearman")

RESAMPLES = 4000
"""The maximum number of resamples here: there are many pairs, and these intervals are descriptive."""

FEWEST = 5
"""With fewer scores no correlation is reported."""


@dataclass(frozen=True)
class Correlation:
    """Two metrics over the recordings and systems of one paradigm.

    Metrics for which lower is better are negated, so that 1 means agreement on what is better.

    Attributes:
        n: pairs of scores (recordings times systems).
        units: independent units among them.
        coefficient, low, high: by kind; NaN where a metric does not vary.
    """

    paradigm: str
    first: str
    second: str
    n: int
    units: int
    coefficient: dict[Kind, float]
    low: dict[Kind, float]
    high: dict[Kind, float]


def correlate(analysis: Analysis) -> list[Correlation]:
    """Every pair of shown metrics, within each paradigm, in the order of the tables."""
    resampler = Resampler(analysis.panel.unit_count, min(analysis.options.resamples, RESAMPLES))
    paradigms = dict.fromkeys(system.paradigm for system in analysis.panel.systems)
    return [pair for paradigm in paradigms for pair in _correlate(analysis, paradigm, resampler)]


def _correlate(analysis: Analysis, paradigm: str, resampler: Resampler) -> list[Correlation]:
    panel, names = analysis.panel, analysis.shown
    systems = [number for number, system in enumerate(panel.systems) if system.paradigm == paradigm]
    scores = {name: panel.scores[name].clips[systems] * (analysis.metrics[name].direction or 1) for name in names}
    there = {pair: np.isfinite(scores[pair[0]]) & np.isfinite(scores[pair[1]]) for pair in combinations(names, 2)}
    pairs = [pair for pair, both in there.items() if both.sum() >= FEWEST]
    if not pairs:
        return []
    draws, ends = {}, {}
    for kind in KINDS:
        moments = [_moments(scores[first], scores[second], there[first, second], kind) for first, second in pairs]
        draws[kind] = _draws(panel.by_unit(np.array(moments)), resampler)
        ends[kind] = _interval(draws[kind], analysis.options.confidence)
    return [
        Correlation(
            *(paradigm, *pair, int(there[pair].sum()), int(draws["pearson"].units[at])),
            coefficient={kind: float(draws[kind].estimate[at]) for kind in KINDS},
            low={kind: float(ends[kind][0][at]) for kind in KINDS},
            high={kind: float(ends[kind][1][at]) for kind in KINDS},
        )
        for at, pair in enumerate(pairs)
    ]


def _moments(x: Array, y: Array, there: NDArray[np.bool_], kind: Kind) -> Array:
    """1, x, y, x², y² and xy where both exist, summed over systems: ``[6, clips]``. Ranks are over all the data."""
    if kind == "spearman":
        x, y = _ranks(x, there), _ranks(y, there)
    x, y = _standard(x, there), _standard(y, there)
    return np.asarray(np.stack([there.astype(np.float64), x, y, x * x, y * y, x * y]).sum(axis=1))


def _draws(moments: Array, resampler: Resampler) -> Draws:
    """The coefficients of ``[pairs, 6, units]`` with their resamples."""
    pairs, _, units = moments.shape
    # If all metrics have all scores, pairs share most of their sums.
    distinct, which = np.unique(moments.reshape(-1, units), axis=0, return_inverse=True)
    sums, which = resampler.sums(distinct), which.reshape(pairs, 6)
    values = np.stack([_pearson(sums[columns]) for columns in which])
    estimate = _pearson(np.moveaxis(moments.sum(axis=2), 1, 0))
    return Draws(estimate, values, (moments[:, 0] > 0).sum(axis=1))


def _interval(draws: Draws, confidence: float) -> tuple[Array, Array]:
    """Intervals in Fisher's transform, which stabilises the variance: no end is beyond ±1."""

    def fisher(coefficient: Array) -> Array:
        return np.asarray(np.arctanh(np.clip(coefficient, -1 + 1e-9, 1 - 1e-9)))

    low, high = Draws(fisher(draws.estimate), fisher(draws.values), draws.units).interval(confidence)
    return np.tanh(low), np.tanh(high)


def _pearson(moments: Array) -> Array:
    """From sums of 1, x, y, x², y² and xy; NaN where x or y does not vary."""
    n, x, y, xx, yy, xy = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        spread: Array = (xx / n - (x / n) ** 2) * (yy / n - (y / n) ** 2)
        coefficient = (xy / n - x * y / n**2) / np.sqrt(np.maximum(spread, 0))
    return np.asarray(np.where(spread > 1e-20, coefficient, np.nan))


def _standard(values: Array, there: NDArray[np.bool_]) -> Array:
    """Normalised to mean 0 and variance 1 where ``there``, else 0: keeps the sums of squares accurate."""
    mean, sd = values[there].mean(), values[there].std()
    return np.where(there, (values - mean) / (sd if sd > 1e-12 * max(1.0, abs(mean)) else np.inf), 0.0)


def _ranks(values: Array, there: NDArray[np.bool_]) -> Array:
    ranks = np.zeros(values.shape)
    ranks[there] = stats.rankdata(values[there])
    return ranks


def correlation_frame(correlations: Iterable[Correlation], dataset: str) -> pd.DataFrame:
    """One line per paradigm and pair of metrics."""
    columns = [
        *("dataset", "paradigm", "metric_a", "metric_b", "n", "units"),
        *(f"{kind}{part}" for kind in KINDS for part in ("", "_ci_low", "_ci_high")),
    ]
    records = [
        {
            **{"dataset": dataset, "paradigm": pair.paradigm, "metric_a": pair.first, "metric_b": pair.second},
            **{"n": pair.n, "units": pair.units},
            **{kind: pair.coefficient[kind] for kind in KINDS},
            **{f"{kind}_ci_low": pair.low[kind] for kind in KINDS},
            **{f"{kind}_ci_high": pair.high[kind] for kind in KINDS},
        }
        for pair in correlations
    ]
    return pd.DataFrame(records, columns=columns)


def goodhart(analysis: Analysis) -> list[str]:
    """A warning for every system that leads on some metric while it is last on most of the others.

    Only processed systems without failures count, and only metrics by which the best and the last of them differ
    significantly. There must be at least three systems, and the system must be last on at least two metrics.
    """
    judges = [name for name in analysis.shown if analysis.metrics[name].direction]
    ends = {name: found for name in judges if (found := _ends(analysis, name))}
    warnings = []
    for number, system in enumerate(analysis.panel.systems):
        leads = [name for name, (best, _) in ends.items() if best == number]
        trails = [name for name, (_, last) in ends.items() if last == number]
        others = len(judges) - len(leads)
        if leads and len(trails) >= 2 and 2 * len(trails) > others and len(trails) > len(leads):
            warnings.append(
                f"{system.label} leads on {_labels(analysis, leads)} but is last on {len(trails)} of {others} other "
                f"metrics ({_labels(analysis, trails)}): a metric that is optimised stops measuring; listen to it"
            )
    return warnings


def _ends(analysis: Analysis, metric: str) -> tuple[int, int] | None:
    """The best and the last of the processed systems by ``metric``; None unless they differ significantly."""
    direction = analysis.metrics[metric].direction
    of_metric = [summary.metrics[metric] for summary in analysis.summaries]
    systems = analysis.panel.systems
    full = [at for at in contenders(analysis.panel.scores[metric]) if systems[at].paradigm not in UNRANKED]
    if len(full) < 3 or not direction:
        return None
    ranked = sorted(full, key=lambda at: direction * of_metric[at].mean)
    last, best = ranked[0], ranked[-1]
    told = any(
        {pair.first, pair.second} == {best, last} and pair.holm_bootstrap < analysis.options.level
        for pair in analysis.comparisons[metric]
    )
    return (best, last) if told else None


def _labels(analysis: Analysis, metrics: Iterable[str]) -> str:
    return ", ".join(analysis.metrics[name].label for name in metrics)
