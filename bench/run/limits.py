"""Time limits for code of others, in the process that runs it.

A timer's signal interrupts whatever Python code runs, waiting included. Native code that does not return to Python is
not interrupted; its process is ended by the pool (``Call.seconds``), which needs Ray.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REPEAT_SECONDS = 5.0
"""The exception is raised again after this time, if the code has caught it."""


class TimedOut(BaseException):
    """Raised where code takes too long. No ``Exception``, because plugins catch those and go on."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Raise ``TimedOut`` in this context after ``seconds``; None: no limit.

    There is no limit outside the main thread, nor on systems without timers.
    """
    timers = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if seconds is None or not timers:
        yield
        return

    def alarm(number: int, frame: FrameType | None) -> None:
        raise TimedOut(f"no end within {seconds:g} s")

    former = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
