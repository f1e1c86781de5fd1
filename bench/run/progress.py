"""Progress and remaining time: a bar on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(total: int, what: str = "cells") -> Iterator[Callable[[int], None]]:
    """Yields a function to call after every finished cell (or ``what``), with the number of failures so far."""
    if sys.stderr.isatty():
        with _bar(total, what) as advance:
            yield advance
    else:
        yield _Lines(total, what)


def bar() -> Progress:
    """A progress bar with elapsed and remaining time, on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    return Progress(*columns, console=Console(stderr=True), speed_estimate_period=600)


@contextmanager
def _bar(total: int, what: str) -> Iterator[Callable[[int], None]]:
    with bar() as shown:
        task = shown.add_task(f"{what}, starting", total=total)

        def advance(failures: int) -> None:
            shown.update(task, advance=1, description=f"{what}, {failures} failed" if failures else what)

        yield advance


class _Lines:
    """Lines of progress. The first cell includes the start of the workers, so the estimate uses those after it."""

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what, self._done = total, what, 0
        self._started = self._first = self._last = monotonic()

    def __call__(self, failures: int) -> None:
        self._done += 1
        now = monotonic()
        if self._done == 1:
            self._first = now
        if self._done < self._total and now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        line = f"{self._done} of {self._total} {self._what}"
        if failures:
            line += f", {failures} failed"
        line += f", {clock(now - self._started)} elapsed"
        if self._done > 1:
            line += f", {clock((now - self._first) / (self._done - 1) * (self._total - self._done))} left"
        print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours if there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
