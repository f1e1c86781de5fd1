"""Rows as arrays: every score of a dataset by system, recording and seed, and why some are missing.

A *system* is a method with a number of steps: one line of the leaderboard. A *unit* is statistically
independent of the other units: a speaker with all of their recordings, where the speaker is known, else a
recording. Scores of several seeds are averaged within their recording before any other statistic.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.core.findings import DEGENERATE, SIGNALS
from bench.core.types import Score, Status, Tag
from results.statistics.scale import UNBOUNDED, Scale
from results.store.info import PARADIGMS
from results.store.rows import Row

Array = NDArray[np.float64]

RECORDING = "recording"
"""The name of the unit if recordings are not grouped by a tag."""

DEGENERATE_SHARE = 0.1
"""A system is degenerate if more than this share of its rows is."""

_GRAVITY: tuple[Status, ...] = ("ok", "skipped", "undefined", "error")
_NOTHING = Score.missing("skipped", "not computed")


@dataclass(frozen=True)
class System:
    """A method with a number of steps on one dataset, and its rows."""

    method: str
    steps: int | None
    paradigm: str
    rows: tuple[Row, ...]

    @property
    def label(self) -> str:
        return self.method if self.steps is None else f"{self.method}, N={self.steps}"


@dataclass(frozen=True, eq=False)
class MetricScores:
    """One metric's scores.

    Attributes:
        samples: ``[systems, clips, seeds]``, NaN where missing.
        totals: for a rate, its denominators (``Score.total``, e.g. words), shaped like ``samples``; else None. Where
            the denominator is 0, the recording has no rate of its own, but its errors count in the pooled rate.
        missing: for each system, the clips without any value and the most severe reason.
        scale: the range of the metric's values.
        errors: for a rate, errors times 100: ``samples * totals`` where that has a value.
    """

    samples: Array
    totals: Array | None
    missing: tuple[Mapping[int, Score], ...]
    scale: Scale = UNBOUNDED
    errors: Array | None = None

    @cached_property
    def clips(self) -> Array:
        """``[systems, clips]``: each clip's mean over the seeds that have a value, NaN without any."""
        return _mean(self.samples)

    @cached_property
    def fractions(self) -> tuple[Array, Array]:
        """Numerators and denominators ``[systems, clips]``, 0 where missing.

        The ratio of their sums over clips is the system's score: values over their number; for a rate, errors
        (in the metric's unit) over its denominators.
        """
        if self.totals is None or self.errors is None:
            return np.nan_to_num(self.clips), np.isfinite(self.clips).astype(np.float64)
        return np.nan_to_num(_mean(self.errors)), np.nan_to_num(_mean(self.totals))

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """``[systems, clips]``: which clips contribute to ``fractions``."""
        return np.asarray(np.isfinite(self.samples if self.totals is None else self.totals).any(axis=2))

    @cached_property
    def seed_sd(self) -> Array:
        """``[systems]``: standard deviation between seeds of a clip, pooled over clips; NaN without repetition."""
        count = np.isfinite(self.samples).sum(axis=2)
        squares = np.nansum((self.samples - self.clips[:, :, None]) ** 2, axis=(1, 2))
        freedom = np.maximum(count - 1, 0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(squares / freedom))

    def of(self, clips: NDArray[np.intp]) -> MetricScores:
        """The scores of only these clips."""
        place = {int(clip): index for index, clip in enumerate(clips)}
        return MetricScores(
            self.samples[:, clips],
            None if self.totals is None else self.totals[:, clips],
            tuple({place[clip]: score for clip, score in lost.items() if clip in place} for lost in self.missing),
            self.scale,
            None if self.errors is None else self.errors[:, clips],
        )


@dataclass(frozen=True, eq=False)
class Panel:
    """One dataset's rows as arrays.

    Attributes:
        systems: in the order in which tables list them: by paradigm, method and steps.
        clips: the ids of all recordings for which any system has a row, sorted.
        tags: by name, each clip's value, None where it is not known.
        unit: what ``units`` are: the tag that groups recordings, or ``recording``.
        units: ``[clips]``, the number of each clip's unit, from 0.
        scores: by metric.
        degenerate: the indices of systems whose output is not speech (``bench.core.findings.DEGENERATE``) in more
            than a tenth of their rows.
    """

    dataset: str
    systems: tuple[System, ...]
    clips: tuple[str, ...]
    tags: Mapping[str, tuple[Tag | None, ...]]
    unit: str
    units: NDArray[np.intp]
    scores: Mapping[str, MetricScores]
    degenerate: frozenset[int] = frozenset()

    @property
    def oracles(self) -> frozenset[int]:
        """The indices of systems that are given the clean reference."""
        return frozenset(number for number, system in enumerate(self.systems) if system.paradigm == "oracle")

    @property
    def unit_count(self) -> int:
        return int(self.units.max()) + 1 if len(self.units) else 0

    def by_unit(self, of_clips: Array) -> Array:
        """Sums over each unit's clips: ``[..., clips]`` to ``[..., units]``."""
        if self.unit_count == len(self.clips):
            summed = np.empty_like(of_clips)
            summed[..., self.units] = of_clips
            return summed
        order = np.argsort(self.units, kind="stable")
        starts = np.searchsorted(self.units[order], np.arange(self.unit_count))
        return np.asarray(np.add.reduceat(of_clips[..., order], starts, axis=-1))

    def of(self, clips: Sequence[int]) -> Panel:
        """The same systems on only these clips."""
        chosen = np.asarray(clips, dtype=np.intp)
        unit, units = (self.unit, np.unique(self.units[chosen], return_inverse=True)[1])
        if len(set(units.tolist())) < 2:
            unit, units = RECORDING, np.arange(len(chosen))
        return Panel(
            self.dataset,
            self.systems,
            tuple(self.clips[clip] for clip in clips),
            {name: tuple(values[clip] for clip in clips) for name, values in self.tags.items()},
            unit,
            units,
            {metric: scores.of(chosen) for metric, scores in self.scores.items()},
            self.degenerate,
        )


def panels(
    rows: Iterable[Row],
    metrics: Iterable[str],
    cluster: str | None = "speaker",
    scales: Mapping[str, Scale] | None = None,
) -> list[Panel]:
    """A panel for each dataset, by name.

    Args:
        metrics: the scores to include.
        scales: the ranges of metrics with a lower or an upper bound.
        cluster: the tag that groups dependent recordings into units. A recording without it is a unit of its own.
            If the tag has fewer than two values, or is None, every recording is a unit.
    """
    of_metrics = {metric: (scales or {}).get(metric, UNBOUNDED) for metric in metrics}
    by_dataset: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_dataset[row.key.dataset].append(row)
    return [_panel(dataset, by_dataset[dataset], of_metrics, cluster) for dataset in sorted(by_dataset)]


def _panel(dataset: str, rows: Sequence[Row], metrics: Mapping[str, Scale], cluster: str | None) -> Panel:
    systems = _systems(rows)
    clips = sorted({row.key.utterance for row in rows})
    tags = _tags(rows, clips)
    unit, units = _units(tags.get(cluster) if cluster else None, len(clips))
    return Panel(
        dataset,
        systems,
        tuple(clips),
        tags,
        cluster if unit and cluster else RECORDING,
        units,
        _scores(systems, clips, metrics),
        frozenset(number for number, system in enumerate(systems) if _degenerate(system.rows)),
    )


def _degenerate(rows: Sequence[Row]) -> bool:
    """Whether too many rows are degenerate. Single ones may be correct, such as silence for noise without speech."""
    worse = sum(any(name in row.findings and not _given(row, name) for name in DEGENERATE) for row in rows)
    return worse > DEGENERATE_SHARE * len(rows)


def _given(row: Row, name: str) -> bool:
    """Whether the recording itself has this finding."""
    return any(f"{prefix}{name}" in row.findings for prefix in SIGNALS if prefix)


def _systems(rows: Iterable[Row]) -> tuple[System, ...]:
    groups: dict[tuple[str, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.key.method, row.key.steps].append(row)
    systems = [
        System(method, steps, group[0].paradigm, tuple(sorted(group, key=lambda row: row.key.order())))
        for (method, steps), group in groups.items()
    ]
    return tuple(sorted(systems, key=_rank))


def _rank(system: System) -> tuple[int, str, str, int]:
    place = PARADIGMS.index(system.paradigm) if system.paradigm in PARADIGMS else len(PARADIGMS)
    return place, system.paradigm, system.method, -1 if system.steps is None else system.steps


def _tags(rows: Iterable[Row], clips: Sequence[str]) -> dict[str, tuple[Tag | None, ...]]:
    """Each tag's value by clip. A failed row has no tags; they are taken from other rows of the clip."""
    found: dict[str, dict[str, Tag]] = defaultdict(dict)
    for row in rows:
        for name, value in row.tags.items():
            found[name][row.key.utterance] = value
    return {name: tuple(found[name].get(clip) for clip in clips) for name in sorted(found)}


def _units(values: Sequence[Tag | None] | None, clips: int) -> tuple[bool, NDArray[np.intp]]:
    """Whether clips could be grouped by ``values``, and the number of each clip's unit."""
    if values is None or len(set(values) - {None}) < 2:
        return False, np.arange(clips)
    numbers: dict[object, int] = {}
    named = ((clip,) if value is None else value for clip, value in enumerate(values))
    return True, np.array([numbers.setdefault(name, len(numbers)) for name in named], dtype=np.intp)


def _scores(systems: Sequence[System], clips: Sequence[str], metrics: Mapping[str, Scale]) -> dict[str, MetricScores]:
    """The arrays, filled row by row."""
    clip_at = {clip: index for index, clip in enumerate(clips)}
    seeds = [list(dict.fromkeys(row.key.seed for row in system.rows)) for system in systems]
    shape = (len(systems), len(clips), max(map(len, seeds), default=0))
    samples = {metric: np.full(shape, np.nan) for metric in metrics}
    totals: dict[str, Array] = {}
    errors: dict[str, Array] = {}
    lost: dict[tuple[str, int, int], Score] = {}
    for number, system in enumerate(systems):
        for row in system.rows:
            clip, seed = clip_at[row.key.utterance], seeds[number].index(row.key.seed)
            for metric in metrics:
                score = row.score(metric)
                if score.total is not None and score.errors is not None:
                    if metric not in totals:
                        totals[metric], errors[metric] = np.full(shape, np.nan), np.full(shape, np.nan)
                    totals[metric][number, clip, seed] = score.total
                    errors[metric][number, clip, seed] = 100 * score.errors
                if score.value is None:
                    lost[metric, number, clip] = _graver(score, lost.get((metric, number, clip)))
                else:
                    samples[metric][number, clip, seed] = score.value
    return {
        metric: MetricScores(
            values, totals.get(metric), _missing(metric, values, lost), metrics[metric], errors.get(metric)
        )
        for metric, values in samples.items()
    }


def _graver(score: Score, other: Score | None) -> Score:
    return score if other is None or _GRAVITY.index(score.status) > _GRAVITY.index(other.status) else other


def _missing(
    metric: str, samples: Array, lost: Mapping[tuple[str, int, int], Score]
) -> tuple[Mapping[int, Score], ...]:
    without: NDArray[np.bool_] = np.asarray(np.isnan(samples).all(axis=2))
    return tuple(
        {int(clip): lost.get((metric, system, int(clip)), _NOTHING) for clip in np.flatnonzero(line)}
        for system, line in enumerate(without)
    )


def _mean(samples: Array) -> Array:
    """The mean over the last axis, ignoring NaN."""
    count = np.isfinite(samples).sum(axis=-1)
    total = np.nansum(samples, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count)
