"""External programs: started with limits, watched, and ended together with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

from bench.core.errors import UserError
from methods import processes
from methods.command_line import program_of
from methods.confinement import confined

LARGEST_FILE = 4 * 2**30
"""Maximum size in bytes of a file that a program may write."""

LARGEST_LOG = 64 * 2**20
"""Maximum number of bytes that a program may print about one recording."""

LAST_LINES = 3
LONGEST = 2000
"""Maximum number of characters of a program's last output, and of an answer."""

FIRST_CHECK, LAST_CHECK = 0.02, 0.5
"""Seconds between looks at a running program, first and later."""


@dataclass(frozen=True)
class Limits:
    """Limits for one recording.

    Attributes:
        seconds: of wall-clock time.
        memory: GiB of address space of each process, or None for no limit.
        processes: how many may run at once (Linux).
        writes: the folders that it may write to, the first of which is its place for temporary files; None: all.
    """

    seconds: float
    memory: float | None = None
    processes: int = 256
    writes: tuple[Path, ...] | None = None

    def __post_init__(self) -> None:
        if not self.seconds > 0 or (self.memory is not None and not self.memory > 0) or not self.processes > 0:
            raise UserError("command: timeout, memory and processes must be above 0")

    def environment(self) -> dict[str, str]:
        """What the limits say in the program's environment."""
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        return {**threads, **os.environ, **({"TMPDIR": str(self.writes[0])} if self.writes else {})}

    def around(self, words: Sequence[str]) -> list[str]:
        """The command ``words`` with these limits, by the shell's ulimit, which child processes inherit."""
        words = words if self.writes is None else confined(words, self.writes)
        memory = f"ulimit -v {round(self.memory * 2**20)};" if self.memory else ""
        return ["/bin/sh", "-c", f'{memory} ulimit -f {LARGEST_FILE // 512}; exec "$@"', "sh", *words]


class Running:
    """A program that was started, with its limits, and as many CPU threads as this process has of torch.

    Args:
        folder: the working directory, an absolute path.
        stdin, stdout: as for ``subprocess.Popen``; stderr goes to ``log``, and stdout too if it is None.

    Attributes:
        log: a temporary file with its output.

    Raises:
        UserError: there is no such program.
    """

    def __init__(self, words: Sequence[str], folder: Path, limits: Limits, stdin: int, stdout: int | None) -> None:
        if program_of(words, folder) is None:
            raise UserError(f"command: {words[0]}: no such program")
        self.mark, self.limits = processes.new_mark(), limits
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the program)
        self.process = subprocess.Popen(
            limits.around(words),
            cwd=folder,
            env={**limits.environment(), **processes.marked(self.mark)},
            stdin=stdin,
            stdout=self.log if stdout is None else stdout,
            stderr=self.log,
            start_new_session=True,
        )

    def check(self) -> None:
        """End it, and raise, if it has started too many processes or printed too much.

        Raises:
            UserError: it has.
        """
        found = len(processes.family(self.mark))
        if found > self.limits.processes:
            self.end()
            raise UserError(
                f"command: it ran {found} processes at once; processes: {self.limits.processes} allows no more"
            )
        if os.fstat(self.log.fileno()).st_size > LARGEST_LOG:
            self.end()
            raise UserError(f"command: it printed more than {LARGEST_LOG >> 20} MiB{self.last_words()}")

    def end(self) -> None:
        processes.end(self.process, self.mark)

    def how(self) -> str:
        """How it has ended."""
        code = self.process.wait()
        if code < 0 or code > 128:
            number = -code if code < 0 else code - 128
            with suppress(ValueError):
                return f"ended by {signal.Signals(number).name}"
        return f"ended with status {code}"

    def last_words(self) -> str:
        """Its last output, as the end of a message."""
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - LONGEST))
        lines = [line.strip() for line in self.log.read().decode(errors="replace").splitlines() if line.strip()]
        return f": {' | '.join(lines[-LAST_LINES:])}" if lines else ""


def call(words: Sequence[str], folder: Path, limits: Limits) -> str:
    """Run a program to its end; returns its last output, for messages.

    Raises:
        UserError: it cannot be started, took too long, or failed; the message has its last output.
    """
    running = Running(words, folder, limits, stdin=subprocess.DEVNULL, stdout=None)
    with running.log:
        try:
            _await(running)
        finally:
            running.end()
        if running.process.returncode:
            raise UserError(f"command: {running.how()}{running.last_words()}")
        return running.last_words()


def _await(running: Running) -> None:
    until, pause = time.monotonic() + running.limits.seconds, FIRST_CHECK
    while True:
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(min(pause, max(0.0, until - time.monotonic())))
            return
        running.check()
        if time.monotonic() >= until:
            raise UserError(f"command: no answer within {running.limits.seconds:g} s{running.last_words()}")
        pause = min(2 * pause, LAST_CHECK)
