"""Ray, started here for one run or joined at an address. The only file that imports it.

A Ray started here is private: it listens only on the loopback interface, requires a token, keeps its files in a folder
that only its user can read and that is removed at the end, and runs its workers at the command's own priority.
"""

from __future__ import annotations

import logging
import math
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from bench.core import signals
from bench.core.errors import Unfinished, UserError
from bench.run.liveness import Health, given_up, kill_stopped
from bench.run.machine import local_cores, local_gpus
from bench.run.ray_home import EVERYWHERE, HERE, environment, private_folder, token, without_servers

OBJECT_STORE_BYTES = 256 * 2**20
"""Ray's shared memory: it holds the audio of the cells under way (the default is 30 % of the RAM). What does not fit is
spilled to Ray's folder.
"""

GIVE_UP_SECONDS = 40.0
"""How long a joined cluster may be silent, e.g. during a restart. Ray itself ends the process after 60 s."""

CHECK_SECONDS = 1.0
"""The interval of checks whether Ray is still running."""

OURS = Path(__file__).resolve().parents[2]
OUR_PACKAGES = ("bench", "methods", "metrics", "results", "listening_test")

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}


@dataclass(frozen=True)
class Pool:
    """The number of worker processes, and their resources.

    Attributes:
        workers: None: one per GPU (with ``gpu``, if there are any), else as many as the cores allow; 0: none, items
            are processed in this process.
        threads: CPU threads of each worker.
        gpu: whether the GPUs are divided among the workers.
        address: of a Ray cluster ("auto": the one this machine belongs to); None: only this machine.
        scorers: further workers of one thread each, which score what the others enhance; 0: who enhances also
            scores; None: the cores that are left where GPUs enhance, else 0.
        modules: the modules of what workers build; other machines of a cluster are sent their packages.
    """

    workers: int | None = None
    threads: int = 1
    gpu: bool = False
    address: str | None = None
    scorers: int | None = 0
    modules: tuple[str, ...] = ()

    def on(self, cpus: int, gpus: int, *, bounded: bool = True) -> Pool:
        """The pool with its numbers decided, for so many CPUs and GPUs.

        Where only CPUs enhance, separate scorers would have nothing to spare them: both would share the same cores,
        and one of the two would wait for the other. So each worker there takes a cell from beginning to end.

        Args:
            bounded: at most as many workers as fit; otherwise those that do not fit yet wait for further machines.
        """
        gpus = gpus if self.gpu else 0
        spared = self.scorers or 0
        fitting = max(1, (cpus - spared) // self.threads)
        workers = self.workers or gpus or fitting
        if bounded:
            workers = min(workers, fitting)
        left = max(0, cpus - workers * self.threads)
        scorers = (left if gpus else 0) if self.scorers is None else self.scorers
        return replace(self, workers=workers, scorers=min(scorers, left) if bounded else scorers)


@dataclass(frozen=True)
class Cluster:
    """A running Ray.

    Attributes:
        ray: the module.
        pool: the numbers of workers, decided.
        gpus: GPUs, or fraction of a GPU, for each worker that enhances.
        lost: returns which part of Ray has ended; empty while all are running.
        asked: the pool as it was asked for.
        path: entries of the module path that workers need beyond their own; a joined cluster has a runtime
            environment instead.
    """

    ray: Any
    pool: Pool
    gpus: float
    lost: Callable[[], str]
    asked: Pool = Pool()
    path: tuple[str, ...] = ()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Report the end of Ray itself as ``Unfinished``; a worker's exceptions, and its death, are passed on.

        Raises:
            Unfinished: Ray has ended.
        """
        errors = self.ray.exceptions
        try:
            yield
        except (errors.RayTaskError, errors.RayActorError, errors.OutOfMemoryError, errors.ObjectLostError):
            self._check()
            raise
        except (errors.RayError, ConnectionError) as error:
            self._check()
            raise _ended(first_line(error)) from error
        self._check()

    def now(self) -> Pool:
        """The pool with its numbers for the machines that belong to the cluster now."""
        return _decided(self.ray, self.asked)

    def here(self) -> Any:
        """Where an actor is placed that must run on this machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(self.ray.get_runtime_context().get_node_id(), soft=False)

    def _check(self) -> None:
        if part := self.lost():
            raise _ended(f"its {part} is gone: killed, stopped, or out of memory")


def _ended(why: str) -> Unfinished:
    return Unfinished(
        f"Ray has ended ({why}); what was finished is stored, the same command continues; workers=0 does without Ray"
    )


@contextmanager
def cluster(pool: Pool) -> Iterator[Cluster]:
    """Ray: started here, joined at an address, or already initialised in this process.

    Raises:
        UserError: no worker fits, or no cluster answers.
        Unfinished: Ray does not start here.
    """
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        yield _fitted(ray, pool, Health(_processes(ray)))
    elif pool.address is not None:
        with environment(EVERYWHERE), _joined(pool) as (ray, lost):
            yield _fitted(ray, pool, lost)
    else:
        with (
            private_folder() as folder,
            environment(EVERYWHERE | HERE | token(folder)),
            _started(pool, folder) as ray,
        ):
            yield _fitted(ray, pool, Health(_processes(ray)))


def _fitted(ray: Any, pool: Pool, lost: Callable[[], str]) -> Cluster:
    cpus = ray.cluster_resources().get("CPU", 0)
    if int(cpus) < pool.threads and not (pool.address and pool.workers):
        raise UserError(f"threads: no worker with {pool.threads} threads fits into Ray's {cpus:g} CPUs")
    decided = _decided(ray, pool)
    gpus = int(ray.cluster_resources().get("GPU", 0)) if pool.gpu else 0
    path = () if pool.address else tuple(sys.path)
    return Cluster(ray, decided, gpu_share(decided.workers or 1, gpus), lost, pool, path)


def _decided(ray: Any, pool: Pool) -> Pool:
    """Workers that were asked for by number may wait for machines that a joined cluster is still to get."""
    resources: dict[str, float] = ray.cluster_resources()
    return pool.on(int(resources.get("CPU", 1)), int(resources.get("GPU", 0)), bounded=pool.address is None)


def gpu_share(workers: int, gpus: int) -> float:
    """The fraction of a GPU for each worker: equal for all, and such that no worker would need two GPUs."""
    return 1 / math.ceil(workers / gpus) if gpus else 0.0


@contextmanager
def _started(pool: Pool, folder: Path) -> Iterator[Any]:
    """Start a private Ray on this machine, with room for the requested workers."""
    import ray

    _read_again(ray)
    gpus = local_gpus() if pool.gpu else 0
    decided = pool.on(local_cores(), gpus, bounded=False)
    try:
        with signals.kept():
            try:
                with given_up("workers: Ray does not start here"), without_servers(ray._private.node.Node):
                    ray.init(
                        "local",
                        num_cpus=(decided.workers or 1) * pool.threads + (decided.scorers or 0),
                        num_gpus=gpus,
                        object_store_memory=OBJECT_STORE_BYTES,
                        include_dashboard=False,
                        _temp_dir=str(folder),
                        **_QUIET,
                    )
            except SystemExit as stop:  # raised by its SIGTERM handler during the start
                raise signals.Stopped(signal.SIGTERM) from stop
            except Exception as error:  # of any type; a bare Exception if the start takes too long
                raise Unfinished(
                    f"workers: Ray does not start here ({first_line(error)}); the same command continues; "
                    "workers=0 does without Ray"
                ) from error
        yield ray
    finally:
        with signals.kept():
            kill_stopped(_processes(ray)())
            ray.shutdown()


def _read_again(ray: Any) -> None:
    """Make Ray read the environment again: it may have been imported before the variables were set."""
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    ray._raylet.Config.initialize("")


def _processes(ray: Any) -> Callable[[], dict[str, list[Any]]]:
    """The processes of a Ray that this process has started, by kind; none if it was joined."""

    def processes() -> dict[str, list[Any]]:
        node = ray._private.worker._global_node
        every = node.all_processes if node is not None else {}
        return {kind: [info.process for info in infos] for kind, infos in every.items()}

    return processes


@contextmanager
def _joined(pool: Pool) -> Iterator[tuple[Any, Callable[[], str]]]:
    """Join an existing cluster, whose machines are sent this package's code and that of plugins."""
    import ray

    address = pool.address
    assert address is not None
    if address.startswith("ray://"):
        raise UserError(
            f"ray_address: '{address}' is of Ray Client, which would send all audio through one process; start the run "
            "on a machine of the cluster and give HOST:PORT, or auto"
        )
    match = re.fullmatch(r"([^:/]+):(\d+)", address)
    try:
        if match:  # Ray itself would retry for minutes
            socket.create_connection((match[1], int(match[2])), timeout=10).close()
        with signals.kept():
            ray.init(address, runtime_env={"py_modules": _code(ray, pool.modules)}, **_QUIET)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UserError(
            f"ray_address: no Ray cluster answers at '{address}' ({first_line(error)}); "
            "one with token authentication also needs RAY_AUTH_MODE=token in the environment"
        ) from error
    try:
        yield ray, Pulse(ray.get_runtime_context().gcs_address)
    finally:
        with signals.kept():
            ray.shutdown()


def _code(ray: Any, modules: Iterable[str]) -> list[str]:
    """The folders of our packages and of the packages of ``modules``, for the workers' runtime environment.

    A module that is a single file is sent with what refers to it.
    """
    folders = {str(OURS / name): None for name in OUR_PACKAGES}
    for name in sorted({module.partition(".")[0] for module in modules} - set(OUR_PACKAGES)):
        module = sys.modules.get(name)
        if places := list(getattr(module, "__path__", ())):
            folders[str(places[0])] = None
        elif module is not None:
            ray.cloudpickle.register_pickle_by_value(module)
    return list(folders)


class Pulse:
    """Checks whether the control service of a joined cluster answers, and allows for its restart.

    Args:
        address: HOST:PORT.
        patience: seconds of silence after which it is considered lost.
    """

    def __init__(self, address: str, patience: float = GIVE_UP_SECONDS) -> None:
        host, _, port = address.rpartition(":")
        self._at = host.strip("[]"), int(port)
        self.patience = patience
        self._heard = self._asked = monotonic()

    def __call__(self) -> str:
        """What is lost; empty if nothing is."""
        now = monotonic()
        if now - self._asked >= min(CHECK_SECONDS, self.patience):
            self._asked = now
            with suppress(OSError):
                socket.create_connection(self._at, timeout=CHECK_SECONDS).close()
                self._heard = now
        return "control service" if now - self._heard > self.patience else ""


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, or its type."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
