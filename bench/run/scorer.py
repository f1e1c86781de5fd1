"""Scores of what was enhanced. Nothing raises: a failure is a score with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from bench.core.types import Audio, Score, Utterance
from bench.run.limits import TimedOut, within
from bench.run.outcome import Item, Limits, Outcome, explained, with_failed_scores
from bench.run.parts import Parts
from metrics.checks.findings import Check
from metrics.clip import Recording
from results.store.rows import Key, Row


class _Loaded:
    """A recording, and the check of it and of what is made of it, once that is needed."""

    def __init__(self, utterance: Utterance) -> None:
        self.recording = Recording(utterance)

    @cached_property
    def check(self) -> Check:
        return Check(self.recording)


class Scorer:
    """Scores; keeps metrics and the last recording in memory."""

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self.parts = parts
        self.limits = limits
        self._last: tuple[tuple[str, str], _Loaded] | None = None

    def recording(self, key: Key) -> Recording:
        """The recording of a cell."""
        return self._load(key).recording

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

    def _score(self, metric: str, audio: Audio, estimate: Audio | None, recording: Recording) -> tuple[Score, str]:
        """The score, and the traceback of an unexpected failure."""
        try:
            with within(self.limits.metric):
                return self.parts.metric(metric).score(audio, recording, estimate), ""
        except (Exception, TimedOut) as error:
            reason, trace = explained(error)
            return Score.missing("error", reason), trace
