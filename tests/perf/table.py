"""What a measurement of speed says: a ratio to a baseline that was measured beside it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What all measurements are given.

    Attributes:
        repeat: rounds, of which the median counts, after one that does not.
        threads: of each process.
        reference: a checkout of sp-uhh/storm, to be measured beside ours.
        quick: sizes at which everything is over in seconds, to try whether it runs.
    """

    repeat: int = 5
    threads: int = 1
    reference: Path | None = None
    quick: bool = False


@dataclass(frozen=True)
class Ratio:
    """One line of the table.

    Attributes:
        subject: the file that measured it.
        what: is measured.
        value, baseline_value: in ``unit``.
        baseline: what it is compared with.
        most: the ratio that it should not exceed; None where nothing is promised.
    """

    subject: str
    what: str
    value: float
    baseline: str
    baseline_value: float
    unit: str = "s"
    most: float | None = None

    @property
    def ratio(self) -> float:
        """Of the value to the baseline's; below 1 is less time, or less room."""
        return self.value / self.baseline_value

    def cells(self) -> list[str]:
        """As a line of the table."""
        faster = f"{1 / self.ratio:.2f}"
        wanted = "" if self.most is None else f"≤ {self.most:g}{'' if self.ratio <= self.most else ', missed'}"
        times = [f"{value:.3g} {self.unit}" for value in (self.value, self.baseline_value)]
        return [self.subject, self.what, times[0], self.baseline, times[1], f"{self.ratio:.3f}", faster, wanted]


HEADER = ["subject", "what", "ours", "baseline", "its", "ratio", "times", "wanted"]


def markdown(ratios: Sequence[Ratio]) -> str:
    """All lines as a Markdown table."""
    rows = [HEADER, ["---"] * len(HEADER), *(ratio.cells() for ratio in ratios)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def in_turns(*jobs: Callable[[], object], repeat: int) -> list[float]:
    """Median CPU seconds of each job, the jobs taking turns after one round that does not count.

    CPU time, because other work on the machine takes less of a part in it than in time by the clock; ratios, because
    some remains.
    """
    times: list[list[float]] = [[] for _ in jobs]
    for turn in range(repeat + 1):
        for job, record in zip(jobs, times, strict=True):
            start = time.process_time()
            job()
            if turn:
                record.append(time.process_time() - start)
    return [statistics.median(record) for record in times]
