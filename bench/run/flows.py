"""What is done with an item, step by step, each step by a worker of a crew; and the serial way to do it.

A flow is a generator: it yields a ``Call`` and is sent the ``Reply``, and what it returns is the item's result. Where
the workers are, and how many, is not its business: ``Serial`` has one of each crew in this process, and
``bench.run.pools.Pools`` has processes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")

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
        """``(item, result of its flow)`` in order; ``most`` is always 1."""
        with limit_threads(self._threads):
            for item in items:
                steps = flow(item, True)
                reply: Any = None
                try:
                    while True:
                        reply = self._answer(steps.send(reply))
                except StopIteration as end:
                    result: R = end.value
                yield item, result

    def _answer(self, call: Call) -> Reply:
        crew = self._crews[call.crew].otherwise or call.crew
        if crew not in self._workers:
            self._workers[crew] = self._crews[crew].build()
        answer = getattr(self._workers[crew], call.method)(*call.arguments)
        return Reply(answer[0], answer[1:]) if call.signals else Reply(answer)


def limit_threads(threads: int) -> threadpool_limits:
    """Limit the threads of torch and of numpy's BLAS, both of which must be loaded first; a context manager."""
    import numpy as np  # noqa: F401
    import torch  # noqa: F401

    return threadpool_limits(threads)
