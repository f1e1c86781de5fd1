"""Signals that ask a command to end: SIGTERM and SIGHUP are handled like Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """Raised in the main thread when the signal ``number`` arrives."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}")
        self.number = number


_received: list[int] = []
"""The first signal that was received, if any."""


def listen() -> None:
    """Raise ``Stopped`` in the main thread at the first signal that asks for an end.

    Later signals are ignored during cleanup, but a second Ctrl-C ends the command at once. Signals that were ignored
    when the command began (``nohup``, background jobs) stay ignored. Libraries can replace these handlers; call this
    function again after that.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    heard = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # in a forked child the signal has its default effect
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for other in heard:
            signal.signal(other, signal.SIG_DFL if other == signal.SIGINT else signal.SIG_IGN)
        _received.append(number)
        raise Stopped(number)

    for number in heard:
        signal.signal(number, stop)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Within this context ``handler`` receives SIGTERM and SIGHUP, and nothing is raised. Ctrl-C is unchanged."""
    main = threading.current_thread() is threading.main_thread()
    numbers = [number for number in ENDING if number != signal.SIGINT and signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers if main}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


@contextmanager
def kept() -> Iterator[None]:
    """Restore the present handlers at the end of this context, whatever a library sets in Python or natively."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in ENDING if main}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # not installed from outside Python
                signal.signal(number, handler)


def came() -> Stopped | None:
    """The exception of the first signal, even if a library caught it; None if there was no signal."""
    return Stopped(_received[0]) if _received else None


def check() -> None:
    """Raise ``Stopped`` if a signal arrived but its exception was caught on the way."""
    if stopped := came():
        raise stopped
