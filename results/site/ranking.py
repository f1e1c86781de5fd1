"""Systems of many runs, ranked over datasets and metrics, with intervals of their ranks.

A system has a rank in every task (a metric on a dataset); its place is the mean of its ranks. The interval is that of
the mean rank over resamples of the datasets' independent units, the same resamples for all systems, so that what two
systems share does not widen it (Hall and Miller, "Using the bootstrap to quantify the authority of an empirical
ranking", Annals of Statistics 37, 2009).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from results.statistics.analysis import Options
from results.statistics.bootstrap import Resampler
from results.statistics.panel import MetricScores, Panel, panels
from results.statistics.scale import Scale
from results.statistics.summaries import MetricSummary, describe
from results.store.info import UNRANKED, MetricInfo
from results.store.rows import Row

Array = NDArray[np.float64]
Name = tuple[str, "int | None"]
"""Method and steps."""


@dataclass(frozen=True)
class Task:
    """One metric on one dataset."""

    dataset: str
    metric: str


@dataclass(frozen=True)
class Entry:
    """A system's place.

    Attributes:
        rank: mean rank over the tasks, 1 is best; NaN for a system that is not ranked.
        low, high: its interval.
        scores: by task, where there is a value.
        why: why it is not ranked; empty if it is.
    """

    method: str
    steps: int | None
    paradigm: str
    rank: float
    low: float
    high: float
    scores: Mapping[Task, MetricSummary]
    why: str = ""

    @property
    def label(self) -> str:
        """The method with its steps."""
        return self.method if self.steps is None else f"{self.method}, N={self.steps}"


@dataclass(frozen=True)
class Ranking:
    """All systems: ranked ones from the best, then those that are not ranked.

    Attributes:
        tasks: over which ranks are averaged.
        sizes: by dataset, recordings and independent units.
    """

    entries: Sequence[Entry]
    tasks: Sequence[Task]
    metrics: Mapping[str, MetricInfo]
    sizes: Mapping[str, tuple[int, int]]


def rank(rows: Sequence[Row], metrics: Mapping[str, MetricInfo], options: Options) -> Ranking:
    """Rank every system but controls and oracles.

    A system without a score where others have one, because it was not run or failed, is not ranked: otherwise leaving
    out what is hard would improve a place. Scores of other versions than a metric's first are not ranked either.
    """
    ranked = {name: info for name, info in metrics.items() if info.direction and "@" not in name}
    scales = {name: Scale.of(info.low, info.high) for name, info in ranked.items()}
    found = panels(rows, ranked, options.cluster, scales)
    described = {panel.dataset: describe(panel, options.confidence, options.resamples) for panel in found}
    tasks = [
        Task(panel.dataset, name)
        for panel in found
        for name, of_systems in described[panel.dataset].items()
        if any(one.n for one in of_systems)
    ]
    kinds = {(system.method, system.steps): system.paradigm for panel in found for system in panel.systems}
    why = {name: _why_unranked(name, found, tasks) for name in kinds}
    able = [name for name, reason in why.items() if not reason and kinds[name] not in UNRANKED]
    places = dict(zip(able, _places(able, found, tasks, ranked, options), strict=True)) if able else {}
    entries = [
        Entry(
            *(*name, kind),
            *places.get(name, (np.nan, np.nan, np.nan)),
            dict(_scores(name, found, described, tasks)),
            f"{kind}, not ranked" if kind in UNRANKED else why[name],
        )
        for name, kind in kinds.items()
    ]
    entries.sort(key=lambda one: (bool(one.why), one.rank if not one.why else 0.0, one.method, one.steps or 0))
    sizes = {panel.dataset: (len(panel.clips), panel.unit_count) for panel in found}
    return Ranking(entries, tasks, ranked, sizes)


def _why_unranked(name: Name, found: Sequence[Panel], tasks: Sequence[Task]) -> str:
    for panel in found:
        place = _place(name, panel)
        of_dataset = [task.metric for task in tasks if task.dataset == panel.dataset]
        if place is None:
            return f"not run on {panel.dataset}" if of_dataset else ""
        for metric in of_dataset:
            lost = _lost(panel.scores[metric], place)
            if lost:
                return f"no {metric} of {lost} of {len(panel.clips)} recordings of {panel.dataset}"
    return ""


def _lost(scores: MetricScores, place: int) -> int:
    """Recordings for which others have a value and this system has none."""
    return int((scores.counted.any(axis=0) & ~scores.counted[place]).sum())


def _place(name: Name, panel: Panel) -> int | None:
    return next((n for n, system in enumerate(panel.systems) if (system.method, system.steps) == name), None)


def _places(
    able: Sequence[Name],
    found: Sequence[Panel],
    tasks: Sequence[Task],
    metrics: Mapping[str, MetricInfo],
    options: Options,
) -> list[tuple[float, float, float]]:
    """Mean rank and its interval, of each system."""
    estimate: Array = np.zeros(len(able))
    drawn: Array = np.zeros((len(able), options.resamples))
    for panel in found:
        resampler = Resampler(panel.unit_count, options.resamples)
        places = [place for name in able if (place := _place(name, panel)) is not None]
        for task in tasks:
            if task.dataset != panel.dataset:
                continue
            above, below = (panel.by_unit(part[places]) for part in panel.scores[task.metric].fractions)
            draws = resampler.ratios(above, below)
            sign = -metrics[task.metric].direction
            estimate += stats.rankdata(sign * draws.estimate)
            drawn += stats.rankdata(sign * np.nan_to_num(draws.values), axis=0)
    estimate, drawn = estimate / len(tasks), drawn / len(tasks)
    tail = (1 - options.confidence) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), axis=1)
    return list(zip(estimate.tolist(), np.minimum(low, estimate), np.maximum(high, estimate), strict=True))


def _scores(
    name: Name,
    found: Sequence[Panel],
    described: Mapping[str, Mapping[str, Sequence[MetricSummary]]],
    tasks: Sequence[Task],
) -> Iterator[tuple[Task, MetricSummary]]:
    for panel in found:
        place = _place(name, panel)
        for task in tasks:
            if place is not None and task.dataset == panel.dataset:
                score = described[panel.dataset][task.metric][place]
                if score.n:
                    yield task, score
