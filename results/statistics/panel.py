"""Rows as arrays: every score of a dataset by system, recording and seed, and why some are missing.

A *system* is a method with a number of steps: one line of the leaderboard. A *unit* is statistically
independent of the other units: a speaker with all of their recordings, where the speaker is known, else a
recording. Scores of several seeds are averaged within their recording before any other statistic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.core.findings import DEGENERATE, SIGNALS
from bench.core.types import Score, Status, Tag
from results.statistics.scale import UNBOUNDED, Scale
from results.store.columns import Rows, ScoreColumn
from results.store.info import PARADIGMS
from results.store.reading import as_rows
from results.store.rows import NOT_COMPUTED, Row

Array = NDArray[np.float64]

RECORDING = "recording"
"""The name of the unit if recordings are not grouped by a tag."""

DEGENERATE_SHARE = 0.1
"""A system is degenerate if more than this share of its rows is."""

_GRAVITY: tuple[Status, ...] = ("ok", "skipped", "undefined", "error")


@dataclass(frozen=True)
class System:
    """A method with a number of steps on one dataset, and its rows."""

    method: str
    steps: int | None
    paradigm: str
    rows: Sequence[Row]

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
    rows = as_rows(rows)
    datasets = sorted(rows.columns["dataset"].occurring())
    return [_panel(name, rows.where(dataset=name), of_metrics, cluster) for name in datasets]


def _panel(dataset: str, rows: Rows, metrics: Mapping[str, Scale], cluster: str | None) -> Panel:
    systems = _systems(rows)
    clips = sorted(rows.columns["utterance"].occurring())
    clip_at = {clip: index for index, clip in enumerate(clips)}
    tags = _tags(rows, clip_at)
    unit, units = _units(tags.get(cluster) if cluster else None, len(clips))
    return Panel(
        dataset,
        systems,
        tuple(clips),
        tags,
        cluster if unit and cluster else RECORDING,
        units,
        _scores(systems, clip_at, metrics),
        frozenset(number for number, system in enumerate(systems) if _degenerate(as_rows(system.rows))),
    )


def _degenerate(rows: Rows) -> bool:
    """Whether too many rows are degenerate. Single ones may be correct, such as silence for noise without speech."""
    worse = rows.columns["findings"].each(_worse, bool).sum()
    return bool(worse > DEGENERATE_SHARE * len(rows))


def _worse(findings: Mapping[str, Tag]) -> bool:
    """Whether the enhanced speech is degenerate, and the recording is not."""
    given = {name for name in DEGENERATE if any(f"{prefix}{name}" in findings for prefix in SIGNALS if prefix)}
    return not (DEGENERATE & findings.keys()) <= given


def _systems(rows: Rows) -> tuple[System, ...]:
    order = rows.order()
    methods, steps, paradigms = (rows.columns[name] for name in ("method", "steps", "paradigm"))
    named = np.stack([methods.codes, steps.codes])[:, order]
    starts = 1 + np.flatnonzero((named[:, 1:] != named[:, :-1]).any(axis=0))
    systems = [
        System(methods[own[0]], steps[own[0]], paradigms[own.min()], rows.take(own)) for own in np.split(order, starts)
    ]
    return tuple(sorted(systems, key=_rank))


def _rank(system: System) -> tuple[int, str, str, int]:
    place = PARADIGMS.index(system.paradigm) if system.paradigm in PARADIGMS else len(PARADIGMS)
    return place, system.paradigm, system.method, -1 if system.steps is None else system.steps


def _tags(rows: Rows, clip_at: Mapping[str, int]) -> dict[str, tuple[Tag | None, ...]]:
    """Each tag's value by clip. A failed row has no tags; they are taken from other rows of the clip."""
    found: dict[str, list[Tag | None]] = {}
    told, utterances = rows.columns["tags"], rows.columns["utterance"]
    pairs = np.stack([utterances.codes, told.codes])[:, ::-1]  # the last row of a clip counts
    _, last = np.unique(pairs, axis=1, return_index=True)
    for clip, tags in pairs[:, np.sort(last)[::-1]].T.tolist():
        for name, value in told.known[tags].items():
            found.setdefault(name, [None] * len(clip_at))[clip_at[utterances.known[clip]]] = value
    return {name: tuple(found[name]) for name in sorted(found)}


def _units(values: Sequence[Tag | None] | None, clips: int) -> tuple[bool, NDArray[np.intp]]:
    """Whether clips could be grouped by ``values``, and the number of each clip's unit."""
    if values is None or len(set(values) - {None}) < 2:
        return False, np.arange(clips)
    numbers: dict[object, int] = {}
    named = ((clip,) if value is None else value for clip, value in enumerate(values))
    return True, np.array([numbers.setdefault(name, len(numbers)) for name in named], dtype=np.intp)


def _scores(
    systems: Sequence[System], clip_at: Mapping[str, int], metrics: Mapping[str, Scale]
) -> dict[str, MetricScores]:
    """The arrays, filled system by system."""
    parts = [as_rows(system.rows) for system in systems]
    seeds = [sorted(rows.columns["seed"].occurring(), key=lambda seed: -1 if seed is None else seed) for rows in parts]
    shape = (len(systems), len(clip_at), max(map(len, seeds), default=0))
    places = [
        (rows.columns["utterance"].each(clip_at.__getitem__, np.intp), rows.columns["seed"].each(own.index, np.intp))
        for rows, own in zip(parts, seeds, strict=True)
    ]
    return {metric: _of_metric(metric, scale, parts, places, shape) for metric, scale in metrics.items()}


def _of_metric(
    metric: str,
    scale: Scale,
    parts: Sequence[Rows],
    places: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    shape: tuple[int, int, int],
) -> MetricScores:
    samples, totals, errors = (np.full(shape, np.nan) for _ in range(3))
    missing = []
    for number, (rows, at) in enumerate(zip(parts, places, strict=True)):
        answers = rows.answers(metric)
        samples[number][at] = answers.values
        totals[number][at] = answers.each(lambda score: _number(score.total), math.nan, np.float64)
        errors[number][at] = answers.each(lambda score: 100 * _number(score.errors), math.nan, np.float64)
        missing.append(_missing(answers, at[0], np.isnan(samples[number]).all(axis=1)))
    is_rate = bool(np.isfinite(totals).any())
    return MetricScores(samples, totals if is_rate else None, tuple(missing), scale, errors if is_rate else None)


def _missing(answers: ScoreColumn, clips: NDArray[np.intp], without: NDArray[np.bool_]) -> Mapping[int, Score]:
    """For each clip ``without`` a value the first of the most severe reasons."""
    found = {int(clip): NOT_COMPUTED for clip in np.flatnonzero(without)}
    gravity = answers.each(lambda score: _GRAVITY.index(score.status), 0, np.intp)
    at = np.flatnonzero(without[clips])
    at = at[np.lexsort([at, -gravity[at], clips[at]])]
    first = np.unique(clips[at], return_index=True)[1]
    for place in at[first].tolist():
        found[int(clips[place])] = answers[place] or NOT_COMPUTED
    return found


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(samples: Array) -> Array:
    """The mean over the last axis, ignoring NaN."""
    count = np.isfinite(samples).sum(axis=-1)
    total = np.nansum(samples, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count)
