"""A summary of each system: mean with its interval, median, standard deviation, and what is missing.

Recordings are the observations. A clip's scores are averaged over seeds first, so that seeds do not count as
more observations: standard deviations and medians are over recordings, intervals over independent units,
and the standard deviation between seeds is reported separately. A rate (WER) is pooled: the errors of all
recordings over the words of all, not the mean of the recordings' rates.

The standard deviation is the sample's, ``ddof=1`` (undefined, NaN, for one recording). The reference
implementations of SGMSE and StoRM print the population's, ``ddof=0``: smaller by sqrt((n - 1) / n).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Status
from results.statistics.bootstrap import RESAMPLES, Resampler
from results.statistics.panel import MetricScores, Panel, System
from results.statistics.scale import Scale
from results.store.columns import Rows
from results.store.reading import as_rows

COSTS = (
    *("rtf", "rtf_low", "rtf_high"),
    *("parameters", "macs_per_second", "peak_memory_mb", "algorithmic_latency_ms"),
)
"""What rows may say about the cost of a system, each measured with nothing beside it."""


@dataclass(frozen=True)
class MetricSummary:
    """One metric of one system over recordings.

    Attributes:
        mean: over the ``n`` recordings with a value; for a rate, the pooled rate. NaN without any.
        low, high: interval of the mean, on the metric's scale; NaN for too few units.
        median, sd: over recordings.
        seed_sd: standard deviation between seeds of a recording; NaN without repetition.
        n: recordings with a value.
        units: independent units (speakers, or recordings) with a value.
        missing: how many recordings have no value, by status.
        reasons: how many, by status and reason.
    """

    mean: float
    low: float
    high: float
    median: float
    sd: float
    seed_sd: float
    n: int
    units: int
    missing: Mapping[Status, int]
    reasons: Mapping[tuple[Status, str], int]


@dataclass(frozen=True)
class Summary:
    """One system on one dataset.

    Attributes:
        utterances: the number of recordings for which any system has a row.
        seeds: the number of different seeds in the system's rows.
        failed: rows whose enhancement, or any score, ended in ``error``.
        nfe: mean network calls per utterance, NaN if none was counted.
        nfe_varies: whether network calls differ between utterances.
        cost: by name (``COSTS``), the median of the rows' values, where any has one.
        timed_on: what the RTF was measured on: devices with their threads.
        metrics: by metric name.
    """

    dataset: str
    system: System
    utterances: int
    seeds: int
    failed: int
    nfe: float
    nfe_varies: bool
    cost: Mapping[str, float]
    timed_on: Sequence[str]
    metrics: Mapping[str, MetricSummary]

    @property
    def rtf(self) -> float:
        """Real-time factor; NaN if it was not measured with nothing beside it."""
        return self.cost.get("rtf", math.nan)


def summarise(panel: Panel, confidence: float = 0.95, resamples: int = RESAMPLES) -> list[Summary]:
    """One ``Summary`` per system, in the panel's order."""
    described = describe(panel, confidence, resamples)
    return [
        _summary(panel, system, {metric: of_systems[number] for metric, of_systems in described.items()})
        for number, system in enumerate(panel.systems)
    ]


def describe(panel: Panel, confidence: float = 0.95, resamples: int = RESAMPLES) -> dict[str, list[MetricSummary]]:
    """By metric, a summary for each of the panel's systems."""
    if not panel.scores:
        return {}
    fractions = [scores.fractions for scores in panel.scores.values()]
    above = np.concatenate([panel.by_unit(numerators) for numerators, _ in fractions])
    below = np.concatenate([panel.by_unit(denominators) for _, denominators in fractions])
    draws = Resampler(panel.unit_count, resamples).ratios(above, below)
    table = np.stack([draws.estimate, *draws.interval(confidence, _scale(panel)), draws.units])
    shaped = table.reshape(4, len(panel.scores), len(panel.systems))
    return {metric: _describe(scores, shaped[:, at]) for at, (metric, scores) in enumerate(panel.scores.items())}


def _scale(panel: Panel) -> Scale:
    """The scale of every column: metric by metric, repeated for each system."""
    ends = np.array([(scores.scale.low, scores.scale.high) for scores in panel.scores.values()], dtype=np.float64)
    low, high = ends.repeat(len(panel.systems), axis=0).T
    return Scale(low, high)


def _describe(scores: MetricScores, estimates: NDArray[Any]) -> list[MetricSummary]:
    """One metric's summaries from its scores and ``[mean, low, high, units]`` of each system."""
    summaries = []
    for number, (mean, low, high, units) in enumerate(estimates.T.tolist()):
        values = scores.clips[number][np.isfinite(scores.clips[number])]
        lost = scores.missing[number].values()
        summaries.append(
            MetricSummary(
                mean=mean,
                low=low,
                high=high,
                median=float(np.median(values)) if values.size else math.nan,
                sd=float(values.std(ddof=1)) if values.size > 1 else math.nan,
                seed_sd=float(scores.seed_sd[number]),
                n=values.size,
                units=int(units),
                missing=dict(Counter(score.status for score in lost)),
                reasons=dict(Counter((score.status, score.reason) for score in lost)),
            )
        )
    return summaries


def why_missing(reasons: Mapping[tuple[Status, str], int]) -> str:
    """The reasons on one line, the most frequent first: ``2 undefined (silence); 1 error (crash)``."""
    ranked = sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    return "; ".join(f"{count} {status}" + (f" ({reason})" if reason else "") for (status, reason), count in ranked)


def _summary(panel: Panel, system: System, metrics: Mapping[str, MetricSummary]) -> Summary:
    rows = as_rows(system.rows)
    done = rows.where(status="ok")
    nfes = _present(done.columns["nfe"].each(_number, np.float64))
    costs = {name: _present(done.columns["cost"].each(partial(_of, name), np.float64)) for name in COSTS}
    timed = done.filter("cost", lambda cost: "rtf" in cost)
    return Summary(
        dataset=panel.dataset,
        system=system,
        utterances=len(panel.clips),
        seeds=len(rows.columns["seed"].occurring()),
        failed=int(rows.failed.sum()),
        nfe=float(np.mean(nfes)) if nfes.size else math.nan,
        nfe_varies=len(set(nfes.tolist())) > 1,
        cost={name: float(np.median(values)) for name, values in costs.items() if values.size},
        timed_on=sorted(_devices(timed)),
        metrics=metrics,
    )


def _devices(rows: Rows) -> set[str]:
    """What the rows' RTF was measured on."""
    devices, named = rows.columns["device"], rows.columns["computing"]
    pairs = np.unique(np.stack([devices.codes, named.codes]), axis=1)
    return {str(named.known[which].get("timed_on", devices.known[device])) for device, which in pairs.T.tolist()}


def _of(name: str, cost: Mapping[str, float]) -> float:
    return _number(cost.get(name))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _present(values: NDArray[np.float64]) -> NDArray[np.float64]:
    there: NDArray[np.float64] = values[~np.isnan(values)]
    return there
