"""A function that runs in a process of its own, so that a crash in native code or an endless loop costs one answer.

The process is started with the first call and kept for the next: a call costs a millisecond, a crash
half a second. It ends with the process that uses it, however that ends.

Why no library does it: a pool of concurrent.futures or loky is broken as a whole by one crash and has no limit for a
call; pebble's limit is of wall-clock time, which on a busy machine stops calls that merely waited. Here the limit is of
computing time, a crash is told by its signal, and what the native code prints does not reach the caller's output.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

from bench.core.errors import UserError

CHILD = "import sys; sys.path[:] = {path!r}; from metrics.isolated import _serve; _serve({module!r}, {name!r})"


class Isolated:
    """``function`` (of a module, not nested), called elsewhere; arguments and answers are pickled.

    What it raises is raised here.

    Args:
        what: the function's name in messages.
        seconds: after computing so long without an answer it is stopped. Time that it waits for, as on a busy
            machine, does not count.

    Raises (a call):
        UserError: its process crashed, or took too long.
    """

    def __init__(self, function: Callable[..., Any], what: str, seconds: float) -> None:
        self._module, self._name = function.__module__, function.__qualname__
        self.what, self.seconds = what, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        with self._lock:
            process = self._running()
            try:
                assert process.stdin and process.stdout
                _send(process.stdin, (self.seconds, arguments))
                worked, answer = pickle.load(process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                how = self._stop()
                late = how == signal.SIGPROF.name
                how = f"gave no answer within {self.seconds:g} s of computing" if late else f"crashed ({how})"
                raise UserError(f"{self.what} {how}") from None
            except BaseException:  # Ctrl-C: its answer would be taken for the next call's
                self._forget()
                raise
        if worked:
            return answer
        raise answer

    def _running(self) -> subprocess.Popen[bytes]:
        """The process, started where there is none yet, none any more, or only one of whom we were forked from."""
        if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
            code = CHILD.format(path=sys.path, module=self._module, name=self._name)
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the process that uses it
            )
            self._owner = os.getpid()
            weakref.finalize(self, _end, self._process, self._owner)
        return self._process

    def _stop(self) -> str:
        """How the process ended, of which there is nothing more to be read."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            code = 0
        self._forget()
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    def _forget(self) -> None:
        """End the process; the next call starts another."""
        assert self._process is not None
        _end(self._process, self._owner)
        self._process = None


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner == os.getpid():
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # bytes left for a process that is gone
                    stream.close()


def _send(stream: IO[bytes], message: Any) -> None:
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _serve(module: str, name: str) -> None:
    """In the child: answer calls until there are no more. Only answers go to its standard output."""
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    function = getattr(import_module(module), name)
    while True:
        try:
            seconds, arguments = pickle.load(calls)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, seconds)  # ends this process, by SIGPROF
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answers, answer)
