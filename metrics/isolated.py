"""A function that runs in a process of its own, so that a crash in native code or an endless loop costs one answer.

The process is started with the first call and kept for the next: a call costs a millisecond, a crash
half a second. It ends with the process that uses it, however that ends.
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
        seconds: after so long without an answer it is stopped.

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
            late = threading.Event()

            def stop() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(self.seconds, stop)
            timer.start()
            try:
                assert process.stdin and process.stdout
                _send(process.stdin, arguments)
                worked, answer = pickle.load(process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                how = f"gave no answer within {self.seconds:g} s" if late.is_set() else f"crashed ({self._stop()})"
                raise UserError(f"{self.what} {how}") from None
            except BaseException:  # Ctrl-C: its answer would be taken for the next call's
                self._stop()
                raise
            finally:
                timer.cancel()
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
        """End the process; how it had ended before."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = 0
        _end(self._process, self._owner)
        self._process = None
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


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
            arguments = pickle.load(calls)
        except EOFError:
            return
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        _send(answers, answer)
