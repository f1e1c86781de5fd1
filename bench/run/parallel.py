"""Work spread over processes with Ray, or done here by its serial twin. The only file that knows Ray.

A worker is built once a process by a factory and then called once an item. A process that dies (a
crash in native code, out of memory) costs the item it had and is replaced.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import re
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from bench.core.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}
OBJECT_STORE_BYTES = 256 * 2**20
"""Ray's shared memory: recordings pass through it one by one, so little is enough (its default is 30 % of the RAM)."""


@dataclass(frozen=True)
class WorkerDied:
    """In place of a result: the process is gone. ``detail`` is what Ray knows of it."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Pool:
    """How many processes, where, and what each may use.

    Attributes:
        workers: None: as many as there are GPUs (with ``gpu``, where there are any), else as the
            cores allow; 0: none, the items are worked on in this process.
        threads: CPU threads of each worker.
        gpu: whether workers share out the GPUs.
        address: of a Ray cluster ("auto": the one this machine belongs to); None: this machine alone.
    """

    workers: int | None = None
    threads: int = 1
    gpu: bool = False
    address: str | None = None


def map_unordered(
    items: Iterable[T], factory: Callable[[], Callable[[T], R]], pool: Pool
) -> Generator[tuple[T, R | WorkerDied], None, None]:
    """``(item, worker(item))`` in the order in which they get done.

    ``items`` is read as workers become free. Close the iterator (``contextlib.closing``) to stop the
    workers early.

    Raises:
        UserError: there is no such cluster.
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
    """One worker process. What it works with is unpickled last, when the modules it needs can be found."""

    def prepare(self, path: list[str], folder: str, threads: int, factory: bytes) -> None:
        """See modules and relative paths as the driver does."""
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
    with cluster(pool) as (ray, workers, gpus):
        pickled = ray.put(ray.cloudpickle.dumps(factory))
        actor_class = ray.remote(_Actor).options(num_cpus=pool.threads, num_gpus=gpus)

        def new_actor() -> Any:
            actor = actor_class.remote()
            actor.prepare.remote(sys.path, str(Path.cwd()), pool.threads, pickled)
            return actor

        idle: list[Any] = []
        started = 0
        running: dict[Any, tuple[Any, T]] = {}
        waiting = iter(items)
        while True:
            while idle or started < workers:
                try:
                    item = next(waiting)
                except StopIteration:
                    break
                if not idle:
                    idle.append(new_actor())
                    started += 1
                actor = idle.pop()
                running[actor.work.remote(item)] = actor, item
            if not running:
                return
            [reference], _ = ray.wait(list(running))
            actor, item = running.pop(reference)
            try:
                result = ray.get(reference)
                idle.append(actor)
            except (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError) as error:
                started -= 1
                result = WorkerDied("the worker process died: a crash in native code, or out of memory", str(error))
            yield item, result


@contextmanager
def cluster(pool: Pool) -> Iterator[tuple[Any, int, float]]:
    """Ray, started here or reached at an address; the number of workers; and GPUs (or a part of one) for each."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died")  # it becomes a row, not a page of advice
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_DISABLE_IMPORT_WARNING", "1")
    import ray

    ours = not ray.is_initialized()
    try:
        if ours:
            _start(ray, pool) if pool.address is None else _join(ray, pool.address)
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0)) if pool.gpu else 0
        places = int(resources.get("CPU", 1)) // pool.threads
        if places < 1:
            raise UserError(f"threads: no worker with {pool.threads} threads fits into Ray's {resources['CPU']:g} CPUs")
        workers = min(pool.workers or gpus or places, places)
        yield ray, workers, gpu_share(workers, gpus)
    finally:
        if ours:
            ray.shutdown()


def _start(ray: Any, pool: Pool) -> None:
    """A Ray of our own on this machine, with room for the workers asked for."""
    gpus = local_gpus() if pool.gpu else 0
    workers = pool.workers or gpus or max(1, local_cores() // pool.threads)
    try:
        ray.init(
            "local",
            num_cpus=workers * pool.threads,
            num_gpus=gpus,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            **QUIET,
        )
    except (OSError, RuntimeError, ray.exceptions.RayError) as error:
        raise UserError(f"workers: Ray does not start here ({error}); workers=0 does without it") from error


def _join(ray: Any, address: str) -> None:
    """A cluster that is there already."""
    match = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)
    try:
        if match:  # Ray itself would try for minutes
            socket.create_connection((match[1], int(match[2])), timeout=10).close()
        ray.init(address, **QUIET)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UserError(
            f"ray_address: no Ray cluster answers at '{address}' ({error}); "
            "one with token authentication also needs RAY_AUTH_MODE=token in the environment"
        ) from error


def _limit_threads(threads: int) -> threadpool_limits:
    """Of torch and of the BLAS under numpy, which must be loaded for that; as a context, undone at its end."""
    import numpy as np  # noqa: F401
    import torch  # noqa: F401

    return threadpool_limits(threads)


def gpu_share(workers: int, gpus: int) -> float:
    """The part of a GPU for each worker: equal, and never split over two GPUs, where no worker would fit."""
    return 1 / math.ceil(workers / gpus) if gpus else 0.0


def local_gpus() -> int:
    """CUDA devices that this process may use."""
    import torch

    return torch.cuda.device_count()


def local_cores() -> int:
    """CPU cores that this process may use: its affinity, and a container's quota where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or no limit ("max")
        return cores
