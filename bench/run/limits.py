"""Time limits for code of others, in the process that runs it.

A timer's signal interrupts whatever Python code runs, waiting included. Native code that does not return to Python is
not interrupted; its process is ended by the pool (``Call.seconds``), which needs Ray.
"""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from types import FrameType, TracebackType
from typing import ClassVar

REPEAT_SECONDS = 5.0
"""The exception is raised again after this time, if the code has caught it."""


class TimedOut(BaseException):
    """Raised where code takes too long. No ``Exception``, because plugins catch those and go on."""


def within(seconds: float | None) -> AbstractContextManager[object]:
    """A context in which ``TimedOut`` is raised after ``seconds``; None: no limit.

    There is no limit outside the main thread, nor on systems without timers.
    """
    timers = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    return nullcontext() if seconds is None or not timers else _Limit(seconds)


class _Limit:
    """``within`` so many seconds. Its handler stays when it ends: to install one takes longer than all else here."""

    in_force: ClassVar[float]

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        _Limit.in_force = self._seconds
        if signal.getsignal(signal.SIGALRM) is not _alarm:  # the first, or others' code has installed its own
            signal.signal(signal.SIGALRM, _alarm)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, REPEAT_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TimedOut(f"no end within {_Limit.in_force:g} s")
