"""One cell, from a recording to its row: enhanced, then scored. Nothing raises: a failure is a row with the reason."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bench.core.errors import UserError
from bench.core.memory import keep_freed_memory
from bench.core.types import Audio, Score, Utterance
from bench.run.batch_size import Batch
from bench.run.cost import EXCERPT_SECONDS, Cost, measure, named
from bench.run.inference import Inference, Request, Timed
from bench.run.limits import TimedOut, within
from bench.run.machine import machine
from bench.run.parts import Parts
from bench.run.plan import Cell
from metrics.checks.findings import Check
from metrics.clip import Recording
from results.store.rows import Key, Row

LONGEST_REASON = 300


@dataclass(frozen=True)
class Item:
    """A cell, and its stored row if its enhancement succeeded before."""

    cell: Cell
    row: Row | None = None


@dataclass(frozen=True)
class Outcome:
    """A row; the tracebacks of unexpected failures, for the log; and whether its audio is new."""

    row: Row
    trace: str = ""
    enhanced: bool = False


Made = tuple[Outcome, Audio | None, Audio | None]
"""An outcome with the enhanced speech, and the first estimate if a metric needs it; None if there is none."""


@dataclass(frozen=True)
class Limits:
    """Seconds after which the enhancement of one clip, and one score, count as failed; None: no limit."""

    clip: float | None = None
    metric: float | None = None


@dataclass(frozen=True)
class Sizes:
    """How many clips share a network call, and the seconds of a piece; see ``Inference``."""

    batch: Batch = 1
    piece: float | None = None


class _Loaded:
    """A recording, and the check of it and of what is made of it, once that is needed."""

    def __init__(self, utterance: Utterance) -> None:
        self.recording = Recording(utterance)

    @cached_property
    def check(self) -> Check:
        return Check(self.recording)


class Worker:
    """Enhances and scores. One per process; keeps methods, metrics and the last recording in memory."""

    def __init__(self, parts: Parts, threads: int, limits: Limits, sizes: Sizes) -> None:
        keep_freed_memory()
        self.parts = parts
        self.threads = threads
        self.limits = limits
        self.sizes = sizes
        self._methods: dict[str, Inference] = {}
        self._last: tuple[tuple[str, str], _Loaded] | None = None

    def whole(self, item: Item) -> Made:
        """Enhance and score."""
        outcome, audio, estimate = self.enhance(item)
        if audio is None:
            return outcome, None, None
        scored = self.score(item, outcome.row, item.cell.metrics, audio, estimate)
        return replace(scored, enhanced=True), audio, estimate

    def cost(self, key: Key, others: Sequence[str]) -> Cost | str | None:
        """The cost of the system of ``key`` on excerpts of its recording and of ``others`` from the same dataset.

        None for a system without one, because it knows recordings by their names or does not compute; why it cannot be
        measured, where measuring fails.
        """
        try:
            inference = self._inference(key.method)
            method = inference.method
            if method.needs_id or method.paradigm == "control" or not method.cost_is_measured:
                return None
            recordings = [self.parts.dataset(key.dataset).load(name) for name in (key.utterance, *others)]
            rate = recordings[0].sample_rate
            samples = round(EXCERPT_SECONDS * rate)
            excerpts = [recording.noisy[:samples] for recording in recordings if recording.sample_rate == rate]
            device = named(inference.device, self.threads, machine())
            with within(self.limits.clip):
                return measure(inference.method, excerpts, rate, key.steps, device)
        except (Exception, TimedOut) as error:
            return explained(error)[0]

    def enhance(self, item: Item) -> Made:
        """Enhance; the row has no new scores yet."""
        key = item.cell.key
        try:
            recording = self._load(key).recording
            with within(self.limits.clip):
                timed = self._enhance(key, recording)
        except (Exception, TimedOut) as error:
            reason, trace = explained(error)
            return Outcome(failed(item, reason, self.parts), trace), None, None
        return self._made(item, recording, timed)

    def enhance_many(self, calls: Sequence[tuple[Item]]) -> list[Any]:
        """What ``enhance`` returns for items of one method and number of steps, one after the other.

        Clips of one padded length share network calls.
        """
        items = [item for (item,) in calls]
        try:
            recordings = [self._load(item.cell.key).recording for item in items]
            requests = [
                Request(recording, item.cell.key.steps, self.parts.generator(item.cell.key))
                for item, recording in zip(items, recordings, strict=True)
            ]
            limit = self.limits.clip
            with within(None if limit is None else limit * len(items)):
                timed = self._inference(items[0].cell.key.method).many(requests)
        except (Exception, TimedOut):  # one of them is to blame
            return [value for item in items for value in self.enhance(item)]
        made: list[Any] = []
        for item, recording, one in zip(items, recordings, timed, strict=True):
            if isinstance(one, Exception):
                reason, trace = explained(one)
                made += [Outcome(failed(item, reason, self.parts), trace), None, None]
            else:
                made += self._made(item, recording, one)
        return made

    def _made(self, item: Item, recording: Recording, timed: Timed) -> Made:
        row = self._row(item.cell.key, recording, timed)
        if item.row is not None:  # enhanced again only for scoring: keep the other scores
            row = replace(row, scores=item.row.scores, metric_versions=item.row.metric_versions)
        kept = any(self.parts.needs_estimate(name) for name in item.cell.metrics)
        return Outcome(row, enhanced=True), timed.enhanced.audio, timed.enhanced.estimate if kept else None

    def score(
        self, item: Item, row: Row, metrics: Iterable[str], audio: Audio, estimate: Audio | None = None
    ) -> Outcome:
        """``row`` with the findings of the audio and its scores."""
        # What comes out of shared memory cannot be written, and metrics are not asked to be careful.
        audio, estimate = np.array(audio), None if estimate is None else np.array(estimate)
        traces: list[str] = []
        try:
            loaded = self._load(row.key)
            found = {**loaded.check.of_recording, **loaded.check.of_enhanced(audio)}
            left_out = self.parts.scoring.left_out.get(row.key.dataset, {})
            scores = {name: Score.missing("skipped", why) for name, why in left_out.items() if name not in row.scores}
            for name in metrics:
                scores[name], trace = self._score(name, audio, estimate, loaded.recording)
                traces.append(trace)
        except Exception as error:
            reason, trace = explained(error)
            return Outcome(with_failed_scores(row, metrics, reason), trace)
        versions = {name: self.parts.version(name) for name in metrics}
        row = replace(
            row,
            scores={**row.scores, **scores},
            metric_versions={**row.metric_versions, **versions},
            findings=found,
        )
        return Outcome(row, "\n".join(filter(None, traces)))

    def _load(self, key: Key) -> _Loaded:
        name = (key.dataset, key.utterance)
        if self._last is None or self._last[0] != name:
            self._last = name, _Loaded(self.parts.dataset(key.dataset).load(key.utterance))
        return self._last[1]

    def _enhance(self, key: Key, utterance: Utterance) -> Timed:
        return self._inference(key.method)(utterance, key.steps, self.parts.generator(key))

    def _inference(self, method: str) -> Inference:
        if method not in self._methods:
            self._methods[method] = Inference(self.parts.method(method), self.sizes.batch, self.sizes.piece)
        return self._methods[method]

    def _row(self, key: Key, utterance: Utterance, timed: Timed) -> Row:
        inference, enhanced = self._methods[key.method], timed.enhanced
        return Row(
            key=key,
            paradigm=inference.method.paradigm,
            status="ok",
            sample_rate=utterance.sample_rate,
            resampled_from=utterance.resampled_from,
            model_rate=enhanced.model_rate,
            seconds=len(utterance.noisy) / utterance.sample_rate,
            nfe=enhanced.nfe,
            enhance_seconds=timed.seconds,
            threads=self.threads,
            device=inference.device,
            tags=dict(utterance.tags),
            adjusted=dict(enhanced.adjusted),
            cost=inference.method.cost(),
            computing=dict(timed.computing),
        )

    def _score(self, metric: str, audio: Audio, estimate: Audio | None, recording: Recording) -> tuple[Score, str]:
        """The score, and the traceback of an unexpected failure."""
        try:
            with within(self.limits.metric):
                return self.parts.metric(metric).score(audio, recording, estimate), ""
        except (Exception, TimedOut) as error:
            reason, trace = explained(error)
            return Score.missing("error", reason), trace


def explained(error: BaseException) -> tuple[str, str]:
    """One line for the row; and, unless the mistake is the user's, the traceback for the log."""
    if isinstance(error, UserError):
        return str(error), ""
    trace = "".join(traceback.format_exception(error))
    return " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON], trace


def failed(item: Item, reason: str, parts: Parts) -> Row:
    """The row of an item whose enhancement failed. Stored results stay valid; only the new scores have failed."""
    if item.row is None:
        paradigm = getattr(parts.methods[item.cell.key.method].factory, "paradigm", "external")
        return Row(item.cell.key, str(paradigm), "error", reason)
    return with_failed_scores(item.row, item.cell.metrics, reason)


def with_failed_scores(row: Row, metrics: Iterable[str], reason: str) -> Row:
    """``row`` with an error instead of each of these scores."""
    return replace(row, scores={**row.scores, **{name: Score.missing("error", reason) for name in metrics}})
