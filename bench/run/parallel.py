"""Parallel map over processes with Ray, and its serial equivalent.

``map_flows`` takes each item through the steps of a flow (``bench.run.flows``); ``map_unordered`` is the same for a
single step. A process that dies (a crash in native code, out of memory) is replaced, and its call is tried again; if
its process dies every time, the reply is ``WorkerDied``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TypeVar

from bench.run.cluster import Pool, cluster
from bench.run.flows import Call, Crew, Flow, Serial, WorkerDied
from bench.run.pools import Pools

__all__ = ["WorkerDied", "map_flows", "map_unordered", "runner"]

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def runner(crews: Mapping[str, Crew], pool: Pool) -> Iterator[Serial | Pools]:
    """What takes items through flows (``run``): in this process, or in processes that Ray runs.

    Raises:
        UserError: there is no such cluster, or its machines lack something.
        Unfinished: Ray does not start, or ends early.
    """
    if pool.workers == 0:
        yield Serial(crews, pool.threads)
        return
    with cluster(pool) as found:
        yield Pools(found, crews)


def map_flows(
    items: Iterable[T], flow: Callable[[T, bool], Flow[R]], crews: Mapping[str, Crew], pool: Pool
) -> Generator[tuple[T, R], None, None]:
    """``(item, result of its flow)`` in the order of completion; raises as ``runner``.

    ``items`` is read as workers become free. Close the iterator (``contextlib.closing``) to stop the workers early.

    Args:
        flow: given the item, and whether whoever enhances also scores.
    """
    with runner(crews, pool) as found, closing(found.run(items, flow)) as work:
        yield from work


def map_unordered(
    items: Iterable[T], factory: Callable[[], Callable[[T], R]], pool: Pool
) -> Generator[tuple[T, R | WorkerDied], None, None]:
    """``(item, worker(item))`` in the order of completion; as ``map_flows``."""

    def flow(item: T, together: bool) -> Flow[R | WorkerDied]:
        reply = yield Call("workers", "__call__", (item,))
        answer: R | WorkerDied = reply.value
        return answer

    return map_flows(items, flow, {"workers": Crew(factory)}, pool)
