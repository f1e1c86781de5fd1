"""Ray, started here for one run or joined at an address. The only file that imports it.

A Ray started here is private: it listens only on the loopback interface, requires a token, keeps its files in a folder
that only its user can read and that is removed at the end, and runs its workers at the command's own priority.
"""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from filelock import FileLock, Timeout

from bench.core import signals
from bench.core.errors import Unfinished, UserError
from bench.run.machine import local_cores, local_gpus

OBJECT_STORE_BYTES = 128 * 2**20
"""Ray's shared memory. It is hardly used, because recordings are sent as messages (the default is 30 % of the RAM)."""

GIVE_UP_SECONDS = 40.0
"""How long a joined cluster may be silent, e.g. during a restart. Ray itself ends the process after 60 s."""

CHECK_SECONDS = 1.0
"""The interval of checks whether Ray is still running."""

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
_EVERYWHERE: dict[str, str | None] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # suppresses long logs whenever a process dies
}
_HERE: dict[str, str | None] = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # no cluster: the loopback interface, on Linux too
    "RAY_worker_niceness": "0",  # added to the command's own
    "RAY_max_direct_call_object_size": str(2**30),  # by message: whoever waits for its shared memory when the
    "RAY_task_rpc_inlined_bytes_limit": str(2**30),  # raylet dies, dies with it
    "RAY_AUTH_MODE": "token",
}
_PARTS = {"raylet": "raylet", "gcs_server": "control service"}
_PREFIX = "sebench-ray-"
_LONGEST_PARENT = 18
"""In bytes: a socket's path is 85 bytes longer, and its limit is 103 (macOS; 107 on Linux)."""


@dataclass(frozen=True)
class Pool:
    """The number of worker processes, and their resources.

    Attributes:
        workers: None: one per GPU (with ``gpu``, if there are any), else as many as the cores allow; 0: none, items
            are processed in this process.
        threads: CPU threads of each worker.
        gpu: whether the GPUs are divided among the workers.
        address: of a Ray cluster ("auto": the one this machine belongs to); None: only this machine.
    """

    workers: int | None = None
    threads: int = 1
    gpu: bool = False
    address: str | None = None


@dataclass(frozen=True)
class Cluster:
    """A running Ray.

    Attributes:
        ray: the module.
        workers: the number of processes.
        gpus: GPUs, or fraction of a GPU, for each.
        lost: returns which part of Ray has ended; empty while all are running.
    """

    ray: Any
    workers: int
    gpus: float
    lost: Callable[[], str]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Report the end of Ray itself as ``Unfinished``; a worker's exceptions, and its death, are passed on.

        Raises:
            Unfinished: Ray has ended.
        """
        errors = self.ray.exceptions
        try:
            yield
        except (errors.RayTaskError, errors.RayActorError, errors.OutOfMemoryError):
            self._check()
            raise
        except (errors.RayError, ConnectionError) as error:
            self._check()
            raise _ended(_first_line(error)) from error
        self._check()

    def _check(self) -> None:
        if part := self.lost():
            raise _ended(f"its {part} is gone: killed, or out of memory")


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
        yield _fitted(ray, pool, lambda: _dead_part(ray))
    elif pool.address is not None:
        with _environment(_EVERYWHERE), _joined(pool.address) as (ray, lost):
            yield _fitted(ray, pool, lost)
    else:
        with (
            _private_folder() as folder,
            _environment(_EVERYWHERE | _HERE | _token(folder)),
            _started(pool, folder) as ray,
        ):
            yield _fitted(ray, pool, lambda: _dead_part(ray))


def _fitted(ray: Any, pool: Pool, lost: Callable[[], str]) -> Cluster:
    resources: dict[str, float] = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0)) if pool.gpu else 0
    places = int(resources.get("CPU", 1)) // pool.threads
    if places < 1:
        raise UserError(f"threads: no worker with {pool.threads} threads fits into Ray's {resources['CPU']:g} CPUs")
    workers = min(pool.workers or gpus or places, places)
    return Cluster(ray, workers, gpu_share(workers, gpus), lost)


def gpu_share(workers: int, gpus: int) -> float:
    """The fraction of a GPU for each worker: equal for all, and such that no worker would need two GPUs."""
    return 1 / math.ceil(workers / gpus) if gpus else 0.0


@contextmanager
def _started(pool: Pool, folder: Path) -> Iterator[Any]:
    """Start a private Ray on this machine, with room for the requested workers."""
    import ray

    _read_again(ray)
    gpus = local_gpus() if pool.gpu else 0
    workers = pool.workers or gpus or max(1, local_cores() // pool.threads)
    try:
        with signals.kept():
            try:
                ray.init(
                    "local",
                    num_cpus=workers * pool.threads,
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
                    f"workers: Ray does not start here ({_first_line(error)}); the same command continues; "
                    "workers=0 does without Ray"
                ) from error
        yield ray
    finally:
        with signals.kept():
            ray.shutdown()


def _read_again(ray: Any) -> None:
    """Make Ray read the environment again: it may have been imported before the variables were set."""
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    ray._raylet.Config.initialize("")


def _dead_part(ray: Any) -> str:
    """Which part of a Ray started by this process has ended; empty if none."""
    node = ray._private.worker._global_node
    dead = [kind for kind, _ in node.dead_processes()] if node is not None else []
    return next((name for kind, name in _PARTS.items() if kind in dead), "")


@contextmanager
def _joined(address: str) -> Iterator[tuple[Any, Callable[[], str]]]:
    """Join an existing cluster."""
    import ray

    match = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)
    try:
        if match:  # Ray itself would retry for minutes
            socket.create_connection((match[1], int(match[2])), timeout=10).close()
        with signals.kept():
            ray.init(address, **_QUIET)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UserError(
            f"ray_address: no Ray cluster answers at '{address}' ({_first_line(error)}); "
            "one with token authentication also needs RAY_AUTH_MODE=token in the environment"
        ) from error
    try:
        yield ray, Pulse(ray.get_runtime_context().gcs_address)
    finally:
        with signals.kept():
            ray.shutdown()


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


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables that Ray and its processes read, for the duration of the context; None: unset."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _token(folder: Path) -> dict[str, str | None]:
    """Variables for a private token, in a file that only its user can read."""
    path = folder / "token"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(_secret(), encoding="ascii")
    return {"RAY_AUTH_TOKEN_PATH": str(path), "RAY_AUTH_TOKEN": None}


@cache
def _secret() -> str:
    """The token, constant during this process, because Ray reads it only once."""
    return secrets.token_hex(32)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder for Ray's files that only this user can read; folders left by killed runs are removed."""
    parent = _short_parent()
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout), FileLock(left / "lock", timeout=0, mode=0o600):
            if left.stat().st_uid == os.getuid():
                shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with FileLock(folder / "lock", mode=0o600):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_parent() -> Path:
    """The folder for temporary files, or /tmp if the paths of sockets would be too long.

    Raises:
        UserError: neither is usable.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
        if len(os.fsencode(parent)) <= _LONGEST_PARENT and os.access(parent, os.W_OK):
            return parent
    raise UserError(
        f"TMPDIR={tempfile.gettempdir()}: Ray's sockets need a folder of at most {_LONGEST_PARENT} characters that can "
        "be written; name one there, or workers=0 does without Ray"
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
