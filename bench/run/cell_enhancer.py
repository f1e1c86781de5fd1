"""Enhances the recordings of cells. Nothing raises: a failure is a row with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from bench.core.seeds import stable_seed
from bench.core.types import Utterance
from bench.run.cost import EXCERPT_SECONDS, Cost, measure, named
from bench.run.inference import Inference, Request, Timed
from bench.run.limits import TimedOut, within
from bench.run.machine import machine
from bench.run.outcome import Item, Limits, Made, Outcome, Sizes, explained, failed
from bench.run.parts import Parts
from metrics.clip import Recording
from results.store.rows import Key, Row


class CellEnhancer:
    """Enhances; keeps methods in memory.

    Args:
        recording: loads the recording of a cell.
    """

    def __init__(
        self, parts: Parts, threads: int, limits: Limits, sizes: Sizes, recording: Callable[[Key], Recording]
    ) -> None:
        self.parts = parts
        self.threads = threads
        self.limits = limits
        self.sizes = sizes
        self._recording = recording
        self._methods: dict[str, Inference] = {}

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
            recording = self._recording(key)
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
            recordings = [self._recording(item.cell.key) for item in items]
            requests = [
                Request(recording, item.cell.key.steps, generator(self.parts, item.cell.key))
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

    def _enhance(self, key: Key, utterance: Utterance) -> Timed:
        return self._inference(key.method)(utterance, key.steps, generator(self.parts, key))

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


def generator(parts: Parts, key: Key) -> torch.Generator:
    """The generator of a cell's noise.

    Its seed depends on the names of dataset and method, not on their labels: two checkpoints of one method get the same
    noise.
    """
    dataset, method = parts.dataset(key.dataset).name, parts.methods[key.method].name
    return torch.Generator().manual_seed(stable_seed(key.seed, dataset, key.utterance, method, key.steps))
