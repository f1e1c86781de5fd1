"""Compute one cell, from a recording to its row. It never raises: a failure is a row with the reason."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bench.core.errors import UserError
from bench.core.memory import keep_freed_memory
from bench.core.types import Audio, Score, Utterance
from bench.run.inference import Inference, Timed
from bench.run.parts import Parts
from bench.run.plan import Cell
from methods.base import Enhanced
from metrics.checks.findings import of_enhanced, of_recording
from metrics.clip import Recording
from results.store.rows import Key, Row

LONGEST_REASON = 300


@dataclass(frozen=True)
class Item:
    """A cell; its stored row, if its enhancement succeeded before; and the stored audio, if it was saved.

    ``estimate`` is the stored first estimate of a two-stage method, if it was saved.
    """

    cell: Cell
    row: Row | None = None
    audio: Audio | None = None
    estimate: Audio | None = None


@dataclass(frozen=True)
class Outcome:
    """A row; its enhanced speech if new; the traceback of an unexpected failure, for the log; and the first estimate
    if it is new and a metric needs it.
    """

    row: Row
    audio: Audio | None = None
    trace: str = ""
    estimate: Audio | None = None


@dataclass(frozen=True)
class _Loaded:
    """A recording and its findings."""

    recording: Recording
    findings: Mapping[str, float]


class Worker:
    """Turns items into outcomes. One per process; keeps methods, metrics and the last recording in memory."""

    def __init__(self, parts: Parts, threads: int) -> None:
        keep_freed_memory()
        self.parts = parts
        self.threads = threads
        self._methods: dict[str, Inference] = {}
        self._last: tuple[tuple[str, str], _Loaded] | None = None
        self._traces: list[str] = []

    def __call__(self, item: Item) -> Outcome:
        self._traces = []
        try:
            row, new = self._work(item)
        except Exception as error:
            row, new = failed(item, self._reason(error), self.parts), None
        trace = "\n".join(self._traces)
        if new is None:
            return Outcome(row, trace=trace)
        kept = any(self.parts.needs_estimate(name) for name in item.cell.metrics)
        return Outcome(row, new.audio, trace, new.estimate if kept else None)

    def _work(self, item: Item) -> tuple[Row, Enhanced | None]:
        """The row, and the enhanced speech if it was computed here."""
        key, metrics = item.cell.key, item.cell.metrics
        loaded = self._load(key)
        if item.row is not None and item.audio is not None:
            return self._scored(item.row, metrics, Enhanced(item.audio, estimate=item.estimate), loaded), None
        timed = self._enhance(key, loaded.recording)
        enhanced, row = timed.enhanced, self._row(key, loaded.recording, timed)
        if item.row is not None:  # enhanced again only for scoring: keep the other scores
            row = replace(row, scores=item.row.scores, metric_versions=item.row.metric_versions)
        return self._scored(row, metrics, enhanced, loaded), enhanced

    def _load(self, key: Key) -> _Loaded:
        name = (key.dataset, key.utterance)
        if self._last is None or self._last[0] != name:
            utterance = self.parts.dataset(key.dataset).load(key.utterance)
            self._last = name, _Loaded(Recording(utterance), of_recording(utterance))
        return self._last[1]

    def _enhance(self, key: Key, utterance: Utterance) -> Timed:
        if key.method not in self._methods:
            self._methods[key.method] = Inference(self.parts.method(key.method))
        return self._methods[key.method](utterance, key.steps, self.parts.generator(key))

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
        )

    def _scored(self, row: Row, metrics: Iterable[str], enhanced: Enhanced, loaded: _Loaded) -> Row:
        """The row with its findings and scores."""
        found = of_enhanced(enhanced.audio, loaded.recording, loaded.findings)
        versions = {name: self.parts.version(name) for name in metrics}
        scores = {name: self._score(name, enhanced, loaded.recording) for name in metrics}
        return replace(
            row,
            scores={**row.scores, **scores},
            metric_versions={**row.metric_versions, **versions},
            findings={**loaded.findings, **found},
        )

    def _score(self, metric: str, enhanced: Enhanced, recording: Recording) -> Score:
        try:
            return self.parts.metric(metric).score(enhanced.audio, recording, enhanced.estimate)
        except Exception as error:
            return Score.missing("error", self._reason(error))

    def _reason(self, error: Exception) -> str:
        """One line for the row; unless it is a ``UserError``, the traceback is also kept for the log."""
        if isinstance(error, UserError):
            return str(error)
        self._traces.append("".join(traceback.format_exception(error)))
        return " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]


def failed(item: Item, reason: str, parts: Parts) -> Row:
    """The row of an item whose worker failed. Stored results stay valid; only the new scores have failed."""
    if item.row is None:
        paradigm = getattr(parts.methods[item.cell.key.method].factory, "paradigm", "external")
        return Row(item.cell.key, str(paradigm), "error", reason)
    failures = {name: Score.missing("error", reason) for name in item.cell.metrics}
    return replace(item.row, scores={**item.row.scores, **failures})
