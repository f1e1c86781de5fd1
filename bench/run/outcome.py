"""What becomes of a cell: its row, also where something failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.core.errors import UserError
from bench.core.types import Audio, Score
from bench.run.batch_size import Batch
from bench.run.parts import Parts
from bench.run.plan import Cell
from results.store.rows import Row

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
