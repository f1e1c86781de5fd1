"""External programs: started with limits, and ended together with all their child processes."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.core.errors import UserError

LARGEST_FILE = 4 * 2**30
"""Maximum size in bytes of a file that a program may write."""

LAST_LINES = 3
LONGEST = 2000
"""Maximum number of characters of a program's last output, and of an answer."""


@dataclass(frozen=True)
class Limits:
    """Limits for one recording.

    Attributes:
        seconds: of wall-clock time.
        memory: GiB of address space, or None for no limit.
    """

    seconds: float
    memory: float | None = None

    def __post_init__(self) -> None:
        if not self.seconds > 0 or (self.memory is not None and not self.memory > 0):
            raise UserError("command: timeout and memory must be above 0")

    def around(self, words: Sequence[str]) -> list[str]:
        """The command ``words`` with these limits, by the shell's ulimit, which child processes inherit."""
        memory = f"ulimit -v {round(self.memory * 2**20)};" if self.memory else ""
        return ["/bin/sh", "-c", f'{memory} ulimit -f {LARGEST_FILE // 512}; exec "$@"', "sh", *words]


def call(words: Sequence[str], folder: Path, limits: Limits) -> str:
    """Run a program to its end; returns its last output, for messages.

    Raises:
        UserError: it cannot be started, took too long, or failed; the message has its last output.
    """
    with tempfile.TemporaryFile() as log:
        process = _start(words, folder, limits, stdin=subprocess.DEVNULL, stdout=log, log=log)
        try:
            code = process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            raise UserError(f"command: no answer within {limits.seconds:g} s{_last_words(log)}") from None
        finally:
            _end(process)
        said = _last_words(log)
    if code:
        raise UserError(f"command: {_how(code)}{said}")
    return said


class Server:
    """A program that keeps running and answers each line of JSON with a line of JSON.

    It is started at the first request, restarted after it has died, and ended with this process.
    """

    def __init__(self, words: Sequence[str], folder: Path, limits: Limits) -> None:
        self._words, self._folder, self._limits = words, folder, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._rest = b""

    def ask(self, question: Mapping[str, Any]) -> int:
        """The number of network calls in the answer; 0 if it has none.

        Raises:
            UserError: no answer in time, an invalid answer, an error, or the program has ended.
        """
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        except OSError:  # it has ended: reading reports how
            pass
        try:
            answer = json.loads(self._line(process))
            if not isinstance(answer, dict):
                raise ValueError
        except ValueError:
            self._stop()
            raise UserError("command: its answer is not a line of JSON in braces") from None
        if "error" in answer:
            raise UserError(f"command: {str(answer['error'])[:LONGEST]}")
        nfe = answer.get("nfe", 0)
        if not isinstance(nfe, int) or isinstance(nfe, bool) or nfe < 0:
            raise UserError(f"command: its answer's nfe is {nfe!r}, not a number of network calls")
        return nfe

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._log, self._rest = tempfile.TemporaryFile(), b""  # noqa: SIM115 (it lives as long as the program)
            self._process = _start(
                self._words, self._folder, self._limits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, log=self._log
            )
            weakref.finalize(self, _end, self._process)
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        """The next line of its output; waits at most the time limit."""
        assert process.stdout is not None and self._log is not None
        until = time.monotonic() + self._limits.seconds
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, until - time.monotonic())):
                    self._stop()
                    raise UserError(f"command: no answer within {self._limits.seconds:g} s{_last_words(self._log)}")
                block = os.read(process.stdout.fileno(), 65536)
                if not block:
                    code = process.wait()
                    raise UserError(f"command: {_how(code)} without an answer{_last_words(self._log)}")
                self._rest += block
                if len(self._rest) > 2**20:
                    self._stop()
                    raise UserError("command: its answer is longer than 1 MiB")
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _stop(self) -> None:
        if self._process is not None:
            _end(self._process)


def _start(
    words: Sequence[str], folder: Path, limits: Limits, stdin: int, stdout: int | IO[bytes], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    program = words[0]
    from shutil import which

    if which(program, path=None if os.sep not in program else str(Path(program).parent)) is None:
        raise UserError(f"command: {program}: no such program")
    return subprocess.Popen(
        limits.around(words), cwd=folder, stdin=stdin, stdout=stdout, stderr=log, start_new_session=True
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything in its session, and wait for it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _how(code: int) -> str:
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        with suppress(ValueError):
            return f"ended by {signal.Signals(number).name}"
    return f"ended with status {code}"


def _last_words(log: IO[bytes]) -> str:
    """Its last output, as the end of a message."""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - LONGEST))
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return f": {' | '.join(lines[-LAST_LINES:])}" if lines else ""
