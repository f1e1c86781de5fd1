"""What is done with an item, step by step, each step by a worker of a crew; and the serial way to do it.

A flow is a generator: it yields a ``Call`` and is sent the ``Reply``, and what it returns is the item's result. Where
the workers are, and how many, is not its business: ``Serial`` has one of each crew in this process, and
``bench.run.pools.Pools`` has processes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What libraries read when they are loaded."""

TRIES = 2
"""The number of tries for a call whose process dies."""


@dataclass(frozen=True)
class Call:
    """``getattr(worker, method)(*arguments)`` on a worker of ``crew``.

    Attributes:
        signals: the number of values beside the first that the worker returns. They stay where they are: the flow gets
            handles, to be passed on as arguments of other calls.
        near: calls with the same are preferably given to the same worker, which keeps its last recording in memory.
        seconds: after which the worker's process is ended; None: no limit.
        tries: for a call whose process dies.
        died: processes that died of the same before.
        group: calls with the same can be given to a worker together, as ``many([arguments, ...])``, which returns the
            values of all, one after the other; None: only alone.
    """

    crew: str
    method: str
    arguments: tuple[Any, ...]
    signals: int = 0
    near: Hashable = None
    seconds: float | None = None
    tries: int = TRIES
    died: int = 0
    group: Hashable = None
    many: str = ""


@dataclass(frozen=True)
class Reply:
    """The first value that a worker returned, and handles of the others."""

    value: Any
    signals: tuple[Any, ...] = ()


@dataclass(frozen=True)
class WorkerDied:
    """The value of a reply if the process died.

    Attributes:
        detail: Ray's explanation.
        lost: whether not the worker died but what held the call's arguments.
    """

    reason: str
    detail: str
    lost: bool = False


Flow = Generator[Call, Reply, R]


@dataclass(frozen=True)
class Crew:
    """Workers of one kind.

    Attributes:
        build: makes the worker, once in each process.
        size: the number of processes; None: as many as the pool has ``workers``; "scorers": as it has scorers.
        beside: whether it runs beside the others, on this machine, and counts for no core (reading, writing).
        otherwise: the crew that takes its calls where the pool has none of it.
        together: at most so many calls of a group.
        ahead: calls that a worker with a GPU is given at a time, so that the GPU is never idle between two.
    """

    build: Callable[[], Any]
    size: int | str | None = None
    beside: bool = False
    otherwise: str = ""
    together: int = 1
    ahead: int = 1


class Serial:
    """Takes flows through workers in this process, one of each crew, built when first needed."""

    def __init__(self, crews: Mapping[str, Crew], threads: int) -> None:
        self._crews, self._threads = crews, threads
        self._workers: dict[str, Any] = {}

    def run(
        self, items: Iterable[T], flow: Callable[[T, bool], Flow[R]], most: int | None = None
    ) -> Generator[tuple[T, R], None, None]:
        """``(item, result of its flow)`` in order; calls of a group wait for each other until they are enough.

        Args:
            most: flows under way at the same time.
        """
        together = most or max(crew.together for crew in self._crews.values())
        left, waiting = iter(items), deque[tuple[T, Flow[R], Call]]()
        with limit_threads(self._threads):
            while True:
                for item in islice(left, together - len(waiting)):
                    yield from _advanced(item, flow(item, True), None, waiting)
                if not waiting:
                    return
                chosen = self._chosen(waiting)
                for (item, steps, _), reply in zip(chosen, self._answers([call for *_, call in chosen]), strict=True):
                    yield from _advanced(item, steps, reply, waiting)

    def _chosen(self, waiting: deque[tuple[T, Flow[R], Call]]) -> list[tuple[T, Flow[R], Call]]:
        """The first of the calls that wait, and those that can go together with it."""
        first = waiting[0]
        group = first[2].group
        alike = (one for one in waiting if one is first or (group is not None and one[2].group == group))
        chosen = list(islice(alike, self._crews[first[2].crew].together))
        for one in chosen:
            waiting.remove(one)
        return chosen

    def _answers(self, calls: Sequence[Call]) -> list[Reply]:
        call = calls[0]
        crew = self._crews[call.crew].otherwise or call.crew
        if crew not in self._workers:
            self._workers[crew] = self._crews[crew].build()
        worker, each = self._workers[crew], 1 + call.signals
        if len(calls) > 1:
            answers = getattr(worker, call.many)([one.arguments for one in calls])
        else:
            answer = getattr(worker, call.method)(*call.arguments)
            answers = answer if call.signals else [answer]
        return [Reply(answers[at], tuple(answers[at + 1 : at + each])) for at in range(0, len(answers), each)]


def _advanced(item: T, steps: Flow[R], reply: Any, waiting: deque[tuple[T, Flow[R], Call]]) -> Iterator[tuple[T, R]]:
    """Send the reply to a flow: its next call waits, or its result is yielded."""
    try:
        waiting.append((item, steps, steps.send(reply)))
    except StopIteration as end:
        yield item, end.value


def limit_threads_of_process(threads: int) -> None:
    """Limit the threads of what is loaded, and of what will be, torch above all, which need not be loaded for it."""
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    threadpool_limits(threads)


def limit_threads(threads: int) -> threadpool_limits:
    """Limit the threads of torch and of numpy's BLAS, both of which must be loaded first; a context manager."""
    import numpy as np  # noqa: F401
    import torch  # noqa: F401

    return threadpool_limits(threads)
