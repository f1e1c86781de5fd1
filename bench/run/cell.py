"""One cell's way through the pools: read what is stored, or enhance and keep the audio; then score.

What dies on the way costs only itself: a cell whose process dies is taken apart, into enhancement, scoring, and in the
end each metric alone, until what is to blame is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.core.errors import Unfinished, UserError
from bench.run.flows import TRIES, Call, Flow, Reply, WorkerDied
from bench.run.outcome import Item, Limits, Outcome, failed, with_failed_scores
from bench.run.parts import Parts
from results.store.rows import Key

GRACE_SECONDS = 60.0
"""What a process is given beyond its limits, to load weights and to end what it can end by itself."""

LOSSES = 3
"""So often may the machine that holds a cell's audio go before it is scored."""

Signals = tuple[Any, ...]
"""Handles of the enhanced speech and the first estimate."""


@dataclass(frozen=True)
class CellFlow:
    """The flow of one cell; see ``bench.run.flows``.

    Attributes:
        parts: to name methods; nothing is built.
        kept: whether a cell's enhanced audio is kept.
        batches: whether clips share network calls: then a cell is not enhanced and scored in one go.
    """

    parts: Parts
    kept: Callable[[Key], bool]
    limits: Limits
    batches: bool = False

    def __call__(self, item: Item, together: bool) -> Flow[Outcome]:
        for _ in range(LOSSES):
            outcome = yield from self._once(item, together)
            if outcome is not None:
                return outcome
        return Outcome(failed(item, "the machines that held its audio went away", self.parts))

    def _once(self, item: Item, together: bool) -> Flow[Outcome | None]:
        """The outcome; None if audio was lost before it was stored and scored."""
        if not item.cell.enhance and item.row is not None:
            reply = yield Call("archive", "read", (item.cell.key,), signals=2)
            if reply.value is True:  # neither damaged nor gone since it was planned
                return (yield from self._scored(item, Outcome(item.row), reply.signals))
        at_once = together and not self.batches
        if at_once:
            reply = yield self._call("enhancers", "whole", item, (item,), clips=1, signals=2, tries=1)
            if isinstance(reply.value, Outcome):
                return reply.value if (yield from self._kept(reply)) else None
        reply = yield self._call("enhancers", "enhance", item, (item,), (), clips=1, signals=2, died=int(at_once))
        if isinstance(reply.value, WorkerDied):
            return Outcome(failed(item, reply.value.reason, self.parts), reply.value.detail)
        outcome: Outcome = reply.value
        if not outcome.enhanced:
            return outcome
        if not (yield from self._kept(reply)):
            return None
        return (yield from self._scored(item, outcome, reply.signals))

    def _kept(self, reply: Reply) -> Flow[bool]:
        """Store enhanced audio: before its row, so that no row lacks the audio it was scored on.

        Returns:
            Whether that was possible; not if the audio was lost on its way.

        Raises:
            UserError: it cannot be written.
            Unfinished: the process that writes died of it.
        """
        outcome: Outcome = reply.value
        if not outcome.enhanced or not self.kept(outcome.row.key):
            return True
        row = outcome.row
        problem = (yield Call("archive", "write", (row.key, row.sample_rate, *reply.signals))).value
        if isinstance(problem, WorkerDied):
            if problem.lost:
                return False
            raise Unfinished(
                f"keep_audio: {problem.reason}, while it stored audio; what was finished is stored, the same command "
                "continues"
            )
        if problem:
            raise UserError(problem)
        return True

    def _scored(self, item: Item, outcome: Outcome, signals: Signals) -> Flow[Outcome | None]:
        """The outcome with scores: all at once; or, if the process dies of that, metric by metric."""
        metrics = item.cell.metrics
        tries = 1 if len(metrics) > 1 else TRIES
        reply = yield self._call("scorers", "score", item, (item, outcome.row, metrics, *signals), tries=tries)
        if isinstance(reply.value, Outcome):
            return replace(reply.value, enhanced=outcome.enhanced)
        if len(metrics) == 1 and not reply.value.lost:
            return _without(outcome, metrics, reply.value)
        for name in metrics:
            if isinstance(reply.value, WorkerDied) and reply.value.lost:
                return None
            alone = (name,)
            reply = yield self._call("scorers", "score", item, (item, outcome.row, alone, *signals), alone, died=1)
            if isinstance(reply.value, Outcome):
                outcome = replace(reply.value, trace=outcome.trace + reply.value.trace, enhanced=outcome.enhanced)
            else:
                outcome = _without(outcome, alone, reply.value)
        if isinstance(reply.value, WorkerDied) and reply.value.lost:
            return None
        return outcome

    def _call(
        self,
        crew: str,
        method: str,
        item: Item,
        arguments: tuple[Any, ...],
        metrics: Sequence[str] | None = None,
        clips: int = 0,
        signals: int = 0,
        tries: int = TRIES,
        died: int = 0,
    ) -> Call:
        """A call that may take as long as its clips and metrics together; ``metrics``: by default the item's."""
        key, scores = item.cell.key, len(item.cell.metrics if metrics is None else metrics)
        parts = [(clips, self.limits.clip), (scores, self.limits.metric)]
        seconds = [None if limit is None else count * limit for count, limit in parts if count]
        limit = None if None in seconds else GRACE_SECONDS + sum(filter(None, seconds))
        call = Call(crew, method, arguments, signals, (key.dataset, key.utterance), limit, tries, died)
        if method != "enhance":
            return call
        return replace(call, group=(key.dataset, key.method, key.steps), many="enhance_many")


def _without(outcome: Outcome, metrics: Sequence[str], died: WorkerDied) -> Outcome:
    row = with_failed_scores(outcome.row, metrics, died.reason)
    return replace(outcome, row=row, trace=f"{outcome.trace}{died.detail}\n")
