"""``dry_run=true``: what a run would compute, how long that would take, and what it lacks. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch

from bench.core.errors import UserError
from bench.core.notes import show
from bench.core.registry import Registry
from bench.core.types import Utterance
from bench.datasets.base import DATASETS, Dataset
from bench.run.assembly import assembled, with_options
from bench.run.benchmark import baseline_of, drawn_by, has_audio, kept
from bench.run.cluster import Pool
from bench.run.cost import EXCERPT_SECONDS
from bench.run.costs import System
from bench.run.entries import Spec
from bench.run.inference import Inference
from bench.run.limits import TimedOut, within
from bench.run.machine import local_cores, local_gpus
from bench.run.parts import Parts, Recipe
from bench.run.plan import Cell, keys, plan, recordings
from bench.run.preview import preview
from bench.run.progress import clock
from bench.run.settings import Settings
from methods.base import METHODS
from metrics.base import METRICS
from metrics.clip import Recording
from results.store.find import bring
from results.store.folder import Store

SAMPLE = 20
"""So many recordings of a dataset are read to know how long its recordings are."""

LONGEST_CALIBRATION = 60.0
"""Seconds that the calibration of one system, or of one metric, may take."""

ROW_BYTES = 1500


@dataclass(frozen=True)
class Calibrated:
    """One system's network calls, and its seconds per second of audio; None if that could not be tried."""

    calls: int = 0
    rtf: float | None = None


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        asked: cells.
        enhance, score: the numbers of cells to enhance and score, and only to score.
        systems: by system, its number of cells to enhance and its calibration.
        enhancing, scoring: seconds of one worker.
        pool: the workers.
        bytes: of audio and rows.
        missing: one line for each part of the run that cannot be built.
    """

    asked: int = 0
    enhance: int = 0
    score: int = 0
    systems: Mapping[System, tuple[int, Calibrated]] = field(default_factory=dict)
    enhancing: float = 0.0
    scoring: float = 0.0
    pool: Pool = field(default_factory=Pool)
    bytes: float = 0.0
    missing: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        """Of the whole run: two pools work side by side, otherwise each worker does both."""
        workers = self.pool.workers or 1
        if self.pool.scorers:
            return max(self.enhancing / workers, self.scoring / self.pool.scorers)
        return (self.enhancing + self.scoring) / workers

    def lines(self) -> list[str]:
        """As it is printed."""
        stored = self.asked - self.enhance - self.score
        calls = sum(count * calibrated.calls for count, calibrated in self.systems.values())
        text = [
            f"{self.asked} cells asked for: {stored} stored, {self.enhance} to enhance and score, {self.score} to score"
        ]
        for (method, steps), (count, calibrated) in self.systems.items():
            name = method if steps is None else f"{method}, N = {steps}"
            pace = "not tried" if calibrated.rtf is None else f"{calibrated.rtf:.3g} s for a second of audio"
            text.append(f"  {name}: {count} cells, {calibrated.calls} network calls each, {pace}")
        workers = (self.pool.workers or 1) + (self.pool.scorers or 0)
        text += [
            f"network calls: about {calls:,}",
            f"time: about {clock(self.seconds)} with {workers} {'worker' if workers == 1 else 'workers'} (one would "
            f"enhance for {clock(self.enhancing)} and score for {clock(self.scoring)})",
            f"disk: about {_size(self.bytes)}",
        ]
        return text + [f"missing: {line}" for line in self.missing]


def forecast(config: Mapping[str, Any]) -> Forecast:
    """What ``bench run`` would do with this configuration.

    Raises:
        UserError: it is invalid, or every dataset, method or metric is missing.
    """
    settings, missing = _possible(Settings.of(config))
    if not all((settings.methods, settings.datasets, settings.metrics is None or settings.metrics)):
        raise UserError("; ".join(missing))
    here = assembled(settings, device="cpu")
    show(preview(here))
    bring(settings.folder)
    store, baseline = Store(settings.folder), baseline_of(settings, here)
    wanted = keys(settings, here, drawn_by(store.read_manifest(), settings), baseline.held if baseline else None)
    versions = {label: here.version(label) for label in here.metrics}
    stored = store.standings()
    left_out = here.scoring.left_out
    cells = list(plan(wanted, stored, versions, lambda key: has_audio(key, store, here), settings.rescore, left_out))
    return replace(_measured(cells, here.on(settings.device), settings), asked=len(wanted), missing=missing)


def _possible(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with only what can be built, and why the rest cannot."""
    missing: list[str] = []

    def can_be_built(kind: str, registry: Registry[Any], spec: Spec) -> bool:
        try:
            Recipe.of(registry, spec).build("cpu")
        except UserError as error:
            missing.append(f"{kind} '{spec.label or spec.name}': {error}")
            return False
        return True

    def able(kind: str, registry: Registry[Any], specs: Sequence[Spec]) -> tuple[Spec, ...]:
        return tuple(spec for spec in specs if can_be_built(kind, registry, spec))

    possible = {
        "methods": able("method", METHODS, with_options(settings)),
        "datasets": able("dataset", DATASETS, settings.datasets),
        "metrics": None if settings.metrics is None else able("metric", METRICS, settings.metrics),
    }
    return settings.model_copy(
        update={**possible, "checkpoint": None, "precision": "float32", "compile": False}
    ), missing


def _measured(cells: Sequence[Cell], there: Parts, settings: Settings) -> Forecast:
    """A forecast for ``cells``, from the durations of some recordings and a try of every system and metric."""
    enhanced = [cell for cell in cells if cell.enhance]
    per_system = Counter((cell.key.method, cell.key.steps) for cell in enhanced)
    per_metric = Counter((cell.key.dataset, metric) for cell in cells for metric in cell.metrics)
    samples = {label: _sample(there.dataset(label)) for label in there.datasets}
    length = {label: float(np.mean([len(u.noisy) / u.sample_rate for u in some])) for label, some in samples.items()}
    first = {cell.key.method: samples[cell.key.dataset][0] for cell in enhanced}
    tried = {system: _try_system(there, system, first[system[0]]) for system in per_system}
    pace = {metric: _try_metric(there, metric, samples) for metric in {metric for _, metric in per_metric}}
    keeps = kept(settings, there)
    size = len(cells) * ROW_BYTES + sum(
        4 * samples[cell.key.dataset][0].sample_rate * length[cell.key.dataset] for cell in enhanced if keeps(cell.key)
    )
    pool = Pool(settings.workers, settings.threads, settings.device != "cpu", settings.ray_address, settings.scorers)
    return Forecast(
        enhance=len(enhanced),
        score=len(cells) - len(enhanced),
        systems={system: (count, tried[system]) for system, count in per_system.items()},
        enhancing=sum(
            (tried[cell.key.method, cell.key.steps].rtf or 0.0) * length[cell.key.dataset] for cell in enhanced
        ),
        scoring=sum(count * length[dataset] * pace[metric] for (dataset, metric), count in per_metric.items()),
        pool=pool if pool.workers == 0 else pool.on(local_cores(), local_gpus(), bounded=False),
        bytes=size,
    )


def _sample(dataset: Dataset) -> list[Utterance]:
    """Some recordings; those that cannot be read become rows that say so, and take no time."""
    found = []
    for name in recordings(dataset, SAMPLE):
        with suppress(UserError):
            found.append(dataset.load(name))
    if not found:
        raise UserError(f"dataset '{dataset.name}': none of {SAMPLE} recordings tried can be read")
    return found


def _try_system(there: Parts, system: System, recording: Utterance) -> Calibrated:
    """Enhance an excerpt; a method that knows recordings by their names gets the whole."""
    try:
        method = there.method(system[0])
        samples = round(EXCERPT_SECONDS * recording.sample_rate)
        clip = recording if method.needs_id else replace(recording, noisy=recording.noisy[:samples], clean=None)
        with within(LONGEST_CALIBRATION):
            timed = Inference(method)(clip, system[1], torch.Generator().manual_seed(0))
    except (Exception, TimedOut):
        return Calibrated()
    return Calibrated(timed.enhanced.nfe, timed.seconds * clip.sample_rate / len(clip.noisy))


def _try_metric(there: Parts, metric: str, samples: Mapping[str, Sequence[Utterance]]) -> float:
    """Seconds per second of audio, of a second score, since the first one loads what it needs."""
    recording = next(iter(samples.values()))[0]
    seconds = 0.0
    try:
        with within(LONGEST_CALIBRATION):
            for _ in range(2):
                started = perf_counter()
                there.metric(metric).score(recording.noisy.copy(), Recording(recording), recording.noisy)
                seconds = perf_counter() - started
    except (Exception, TimedOut):
        return 0.0
    return seconds * recording.sample_rate / len(recording.noisy)


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
