"""Parallel map over processes with Ray, and its serial equivalent.

A factory builds one worker per process, which is then called once per item. A process that dies (a crash in native
code, out of memory) is replaced, and its item is tried again after all others. An item whose process dies every time
gets the result ``WorkerDied``.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from bench.run.cluster import CHECK_SECONDS, Cluster, Pool, cluster

T = TypeVar("T")
R = TypeVar("R")

TRIES = 2
"""The number of tries for an item whose process dies."""


@dataclass(frozen=True)
class WorkerDied:
    """Returned instead of a result if the process died. ``detail`` is Ray's explanation."""

    reason: str
    detail: str


def map_unordered(
    items: Iterable[T], factory: Callable[[], Callable[[T], R]], pool: Pool
) -> Generator[tuple[T, R | WorkerDied], None, None]:
    """``(item, worker(item))`` in the order of completion.

    ``items`` is read as workers become free. Close the iterator (``contextlib.closing``) to stop the
    workers early.

    Raises:
        UserError: there is no such cluster.
        Unfinished: Ray does not start, or ends early.
    """
    return _serial(items, factory, pool) if pool.workers == 0 else _ray(items, factory, pool)


def _serial(
    items: Iterable[T], factory: Callable[[], Callable[[T], R]], pool: Pool
) -> Generator[tuple[T, R], None, None]:
    with _limit_threads(pool.threads):
        work = factory()
        for item in items:
            yield item, work(item)


class _Actor:
    """One worker process. Its factory is unpickled last, when the modules that it needs can be imported."""

    def prepare(self, path: list[str], folder: str, threads: int, factory: bytes) -> None:
        """Use the driver's module path and working directory, then build the worker."""
        sys.path.extend(entry for entry in path if entry not in sys.path)
        if Path(folder).is_dir():
            os.chdir(folder)
        self._threads, self._factory = threads, factory
        self._work: Callable[[Any], Any] | None = None

    def work(self, item: Any) -> Any:
        if self._work is None:
            _limit_threads(self._threads)
            self._work = pickle.loads(self._factory)()
        return self._work(item)


def _ray(
    items: Iterable[T], factory: Callable[[], Callable[[T], R]], pool: Pool
) -> Generator[tuple[T, R | WorkerDied], None, None]:
    with cluster(pool) as found:
        pickled = found.ray.cloudpickle.dumps(factory)
        actor_class = found.ray.remote(_Actor).options(num_cpus=pool.threads, num_gpus=found.gpus)

        def new_actor() -> Any:
            actor = actor_class.remote()
            actor.prepare.remote(sys.path, str(Path.cwd()), pool.threads, pickled)
            return actor

        idle: list[Any] = []
        started = 0
        running: dict[Any, tuple[Any, T, int]] = {}
        waiting, again = ((item, 1) for item in items), deque[tuple[T, int]]()
        while True:
            with found.watched():
                while idle or started < found.workers:
                    taken = next(waiting, None) or (again.popleft() if again else None)
                    if taken is None:
                        break
                    item, tries = taken
                    if not idle:
                        idle.append(new_actor())
                        started += 1
                    actor = idle.pop()
                    running[actor.work.remote(item)] = actor, item, tries
            if not running:
                return
            reference = _first_done(found, list(running))
            actor, item, tries = running.pop(reference)
            try:
                with found.watched():
                    result = found.ray.get(reference)
                idle.append(actor)
            except (found.ray.exceptions.RayActorError, found.ray.exceptions.OutOfMemoryError) as error:
                started -= 1
                if tries < TRIES:
                    again.append((item, tries + 1))
                    continue
                often = f"{tries} times" if tries > 1 else "once"
                result = WorkerDied(
                    f"the worker process died {often}: a crash in native code, or out of memory", str(error)
                )
            yield item, result


def _first_done(found: Cluster, references: list[Any]) -> Any:
    """The first of ``references`` with a result; waits without limit while Ray is running."""
    while True:
        with found.watched():
            done, _ = found.ray.wait(references, timeout=CHECK_SECONDS)
        if done:
            return done[0]


def _limit_threads(threads: int) -> threadpool_limits:
    """Limit the threads of torch and of numpy's BLAS, both of which must be loaded first; a context manager."""
    import numpy as np  # noqa: F401
    import torch  # noqa: F401

    return threadpool_limits(threads)
