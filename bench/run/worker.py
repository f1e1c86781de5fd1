"""One cell, from a recording to its row: enhanced, then scored. Nothing raises: a failure is a row with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.core.memory import keep_freed_memory
from bench.core.types import Audio
from bench.run.outcome import Item, Limits, Made, Outcome, Sizes
from bench.run.parts import Parts
from bench.run.scorer import Scorer
from results.store.rows import Key, Row

if TYPE_CHECKING:
    from bench.run.cell_enhancer import CellEnhancer
    from bench.run.cost import Cost


class Worker:
    """Enhances and scores. One per process; keeps methods, metrics and the last recording in memory."""

    def __init__(self, parts: Parts, threads: int, limits: Limits, sizes: Sizes) -> None:
        keep_freed_memory()
        self._scorer = Scorer(parts, limits)
        self._asked = parts, threads, limits, sizes

    @cached_property
    def _enhancer(self) -> CellEnhancer:
        """Who enhances; a process that only scores never imports it, and torch with it."""
        from bench.run.cell_enhancer import CellEnhancer

        return CellEnhancer(*self._asked, self._scorer.recording)

    def whole(self, item: Item) -> Made:
        """Enhance and score."""
        outcome, audio, estimate = self.enhance(item)
        if audio is None:
            return outcome, None, None
        scored = self.score(item, outcome.row, item.cell.metrics, audio, estimate)
        return replace(scored, enhanced=True), audio, estimate

    def enhance(self, item: Item) -> Made:
        """Enhance; the row has no new scores yet."""
        return self._enhancer.enhance(item)

    def enhance_many(self, calls: Sequence[tuple[Item]]) -> list[Any]:
        """What ``enhance`` returns for items of one method and number of steps, one after the other."""
        return self._enhancer.enhance_many(calls)

    def cost(self, key: Key, others: Sequence[str]) -> Cost | str | None:
        """The cost of a system; see ``CellEnhancer``."""
        return self._enhancer.cost(key, others)

    def score(
        self, item: Item, row: Row, metrics: Iterable[str], audio: Audio, estimate: Audio | None = None
    ) -> Outcome:
        """``row`` with the findings of the audio and its scores."""
        return self._scorer.score(item, row, metrics, audio, estimate)
