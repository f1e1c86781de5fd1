"""Whether the processes of a private Ray run, and an end to a start of it that does not come to one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import Any

import psutil

from bench.run.machine import local_cores

START_SECONDS = 15.0
"""How long Ray's start may take where nothing else runs (it takes 2 to 5 s); on a busy machine in proportion longer."""

LAST_SECONDS = 3.0
"""What a start that was interrupted is given to end by itself."""

STOPPED_SECONDS = 5.0
"""How long a process of Ray may be stopped (SIGSTOP). Ctrl-Z stops and `fg` continues this process with it."""

PARTS = {"raylet": "raylet", "gcs_server": "control service"}


class Health:
    """Which process of Ray has ended, or has been stopped for some time.

    It is asked after every step of a run; whether a process is stopped takes long to find out, and is looked at now and
    then.

    Args:
        processes: returns Ray's processes (``subprocess.Popen``) by kind.
        patience: seconds for which one may be stopped.
    """

    def __init__(self, processes: Callable[[], Mapping[str, Sequence[Any]]], patience: float = STOPPED_SECONDS) -> None:
        self._processes = processes
        self._patience = patience
        self._stopped_since: dict[int, float] = {}
        self._asked = self._looked = monotonic()

    def __call__(self) -> str:
        """What is lost; empty if nothing is."""
        now = monotonic()
        if now - self._asked > self._patience / 2:  # this process itself was stopped
            self._stopped_since.clear()
        self._asked = now
        looks = now - self._looked >= self._patience / 10
        if looks:
            self._looked = now
        for kind, name in PARTS.items():
            for process in self._processes().get(kind, ()):
                if process.poll() is not None or (looks and self._stopped(process.pid, now)):
                    return name
        return ""

    def _stopped(self, pid: int, now: float) -> bool:
        if is_stopped(pid):
            return now - self._stopped_since.setdefault(pid, now) >= self._patience
        self._stopped_since.pop(pid, None)
        return False


def is_stopped(pid: int) -> bool:
    """Whether there is such a process and it is stopped."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def kill_stopped(processes: Mapping[str, Sequence[Any]]) -> None:
    """Kill those of Ray's processes that are stopped: its shutdown would wait for their answer without end."""
    for process in (process for every in processes.values() for process in every):
        if is_stopped(process.pid):
            process.kill()


class Hung(Exception):
    """A start that took too long."""


@contextmanager
def given_up(what: str) -> Iterator[None]:
    """Raise ``Hung`` in this context after ``patience()`` seconds.

    If the main thread then is in native code that never returns to Python, the message is printed, the processes that
    were started in this context are killed, and this process ends with status 1: nothing has been computed yet.
    Outside the main thread there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    limit = patience()
    reason = f"no answer within {limit:.0f} s"
    before = {child.pid for child in psutil.Process().children()}
    ended = threading.Event()

    def end() -> None:
        if ended.wait(limit + LAST_SECONDS):
            return
        for child in psutil.Process().children(recursive=True):
            if child.pid not in before:
                with suppress(psutil.Error):
                    child.kill()
        print(f"bench: {what} ({reason}); the same command continues; workers=0 does without Ray", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)

    def alarm(number: int, frame: FrameType | None) -> None:
        raise Hung(reason)

    threading.Thread(target=end, daemon=True).start()
    former = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        ended.set()


def patience() -> float:
    """``START_SECONDS``, longer in proportion where more processes want to run than there are cores."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = 0.0
    return START_SECONDS * max(1.0, load / local_cores())
