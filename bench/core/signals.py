"""Signals that ask a command to end: SIGTERM and SIGHUP are taken as Ctrl-C is, by whoever tidies up after that."""

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
    """Raised wherever the command is when the signal ``number`` arrives."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}")
        self.number = number


_received: list[int] = []
"""The first of the signals, once it is there."""


def listen() -> None:
    """Raise ``Stopped`` in the main thread at the first signal that asks for an end.

    Later ones are ignored while the command tidies up, but a second Ctrl-C ends it at once. What was ignored when the
    command began (``nohup``, jobs of a shell) stays ignored. Libraries that set handlers of their own take these
    away; call it again after them.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    heard = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked child: the signal ends it as it ends any process
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
    """In here ``handler`` hears SIGTERM and SIGHUP, and nothing is raised. Ctrl-C is as ever."""
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
    """Handlers that a library sets in here, in Python or under it, give way to those that were there."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in ENDING if main}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that Python knows
                signal.signal(number, handler)


def came() -> Stopped | None:
    """What the first signal raised, whatever a library made of that; None where none came."""
    return Stopped(_received[0]) if _received else None


def check() -> None:
    """Raise ``Stopped`` if a signal came and something on its way swallowed it."""
    if stopped := came():
        raise stopped
