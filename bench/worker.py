"""The work of one cell, from a recording to its row. It never raises: a failure is a row with its reason."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Score, Utterance
from bench.parts import Parts
from bench.plan import Cell
from bench.timing import Stopwatch
from methods.base import Enhanced, Method
from results.rows import Key, Row

LONGEST_REASON = 300
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Item:
    """A cell, and for one that is only to be scored, what is stored of it."""

    cell: Cell
    row: Row | None = None
    audio: Audio | None = None


@dataclass(frozen=True)
class Outcome:
    """A row; its enhanced speech where that is new; and for the log, the traceback of what failed unexpectedly."""

    row: Row
    audio: Audio | None = None
    trace: str = ""


class Worker:
    """Turns items into outcomes. One a process; keeps methods, metrics and the last recording at hand."""

    def __init__(self, parts: Parts, threads: int) -> None:
        self.parts = parts
        self.threads = threads
        self._warm: set[str] = set()
        self._last: tuple[tuple[str, str], Utterance] | None = None
        self._traces: list[str] = []

    def __call__(self, item: Item) -> Outcome:
        self._traces = []
        if item.row is not None and item.audio is not None:
            return self._outcome(self._score_stored(item.cell, item.row, item.audio))
        try:
            utterance = self._load(item.cell.key)
            enhanced, seconds = self._enhance(item.cell.key, utterance)
            row = self._row(item.cell, utterance, enhanced, seconds)
        except Exception as error:
            return self._outcome(failed(item.cell.key, self._reason(error), self._paradigm(item.cell.key.method)))
        return self._outcome(row, enhanced.audio)

    def _outcome(self, row: Row, audio: Audio | None = None) -> Outcome:
        return Outcome(row, audio, "\n".join(self._traces))

    def _load(self, key: Key) -> Utterance:
        name = (key.dataset, key.utterance)
        if self._last is None or self._last[0] != name:
            self._last = (name, self.parts.dataset(key.dataset).load(key.utterance))
        return self._last[1]

    def _enhance(self, key: Key, utterance: Utterance) -> tuple[Enhanced, float]:
        method = self.parts.method(key.method)
        if key.method not in self._warm:
            _warm_up(method, utterance.sample_rate)
            self._warm.add(key.method)
        with Stopwatch(_device(method)) as watch:
            enhanced = method.enhance(
                utterance.noisy,
                utterance.sample_rate,
                key.steps,
                self._generator(key),
                utterance=key.utterance if method.needs_id else None,
            )
        assert isinstance(enhanced, Enhanced)
        if enhanced.audio.shape != utterance.noisy.shape:
            raise UserError(f"the enhanced speech has {enhanced.audio.shape} samples, noisy {utterance.noisy.shape}")
        if not np.isfinite(enhanced.audio).all():
            raise UserError("the enhanced speech holds NaN or infinity")
        return enhanced, watch.seconds

    def _generator(self, key: Key) -> torch.Generator:
        """The clip's own noise. It follows the names that dataset and method have in the registry or
        give themselves, not their labels: two checkpoints of one method meet the same noise.
        """
        dataset, method = self.parts.dataset(key.dataset).name, self.parts.methods[key.method].name
        return torch.Generator().manual_seed(stable_seed(key.seed, dataset, key.utterance, method, key.steps))

    def _row(self, cell: Cell, utterance: Utterance, enhanced: Enhanced, seconds: float) -> Row:
        method = self.parts.method(cell.key.method)
        row = Row(
            key=cell.key,
            paradigm=method.paradigm,
            status="ok",
            sample_rate=utterance.sample_rate,
            resampled_from=utterance.resampled_from,
            model_rate=enhanced.model_rate,
            seconds=len(utterance.noisy) / utterance.sample_rate,
            nfe=enhanced.nfe,
            enhance_seconds=seconds,
            threads=self.threads,
            device=_device(method),
            tags=dict(utterance.tags),
        )
        return self._with_scores(row, cell.metrics, enhanced.audio, utterance)

    def _score_stored(self, cell: Cell, row: Row, audio: Audio) -> Row:
        try:
            return self._with_scores(row, cell.metrics, audio, self._load(cell.key))
        except Exception as error:  # keep the row: what is stored of it is still true
            reason = self._reason(error)
            failures = {name: Score.missing("error", reason) for name in cell.metrics}
            return replace(row, scores={**row.scores, **failures})

    def _with_scores(self, row: Row, metrics: Iterable[str], audio: Audio, utterance: Utterance) -> Row:
        versions = {name: self.parts.metric(name).version() for name in metrics}
        scores = {name: self._score(name, audio, utterance) for name in metrics}
        return replace(row, scores={**row.scores, **scores}, metric_versions={**row.metric_versions, **versions})

    def _score(self, metric: str, audio: Audio, utterance: Utterance) -> Score:
        try:
            return self.parts.metric(metric).score(audio, utterance)
        except Exception as error:
            return Score.missing("error", self._reason(error))

    def _reason(self, error: Exception) -> str:
        """One line for the row; anything but a user's mistake also leaves its traceback for the log."""
        if isinstance(error, UserError):
            return str(error)
        self._traces.append("".join(traceback.format_exception(error)))
        return " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]

    def _paradigm(self, method: str) -> str:
        factory = self.parts.methods[method].factory
        return str(getattr(factory, "paradigm", "external"))


def failed(key: Key, reason: str, paradigm: str) -> Row:
    """The row of an enhancement that came to nothing."""
    return Row(key, paradigm, "error", reason)


def _device(method: Method) -> str:
    return str(getattr(method, "device", "cpu"))


def _warm_up(method: Method, sample_rate: int) -> None:
    """One short call that is not timed: the first one allocates, loads and tunes. Its failure says nothing."""
    if method.needs_id:
        return
    noise = np.random.default_rng(0).normal(size=int(WARM_UP_SECONDS * sample_rate)).astype(np.float32) * 0.1
    with contextlib.suppress(Exception):
        method.enhance(noise, sample_rate, 1 if method.uses_steps else None, 0)
