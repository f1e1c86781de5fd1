"""Programs that keep running and answer lines of JSON."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from methods.programs import LAST_CHECK, LONGEST, Limits, Running

LONGEST_ANSWER = 2**20
"""Bytes; a program that answers with more is ended."""

CLOSING_SECONDS = 1.0
"""A program that has closed its output is waited for so long, then ended."""


class Server:
    """A program that keeps running and answers each line of JSON with exactly one.

    It is started at the first request, restarted after it has died or got out of step, and ended with this process.
    """

    def __init__(self, words: Sequence[str], folder: Path, limits: Limits) -> None:
        self._words, self._folder, self._limits = words, folder, limits
        self._running: Running | None = None
        self._ending: weakref.finalize[[], Server] | None = None
        self._rest = b""

    def ask(self, question: Mapping[str, Any]) -> int:
        """The number of network calls in the answer; 0 if it has none.

        Raises:
            UserError: no answer in time, an invalid answer, more than one, an error, or the program has ended.
        """
        running = self._started()
        if self._readable(running, 0):
            if self._read(running):
                raise self._out_of_step("it wrote to its standard output without being asked")
            self._stop()  # it has ended since
            running = self._started()
        assert running.process.stdin is not None
        try:
            running.process.stdin.write(json.dumps(question).encode() + b"\n")
            running.process.stdin.flush()
        except OSError:  # it has ended: reading reports how
            pass
        line = self._line(running)
        if self._rest:
            raise self._out_of_step("it answered with more than one line")
        try:
            answer = json.loads(line)
            if not isinstance(answer, dict):
                raise ValueError
        except ValueError:
            raise self._out_of_step("its answer is not a line of JSON in braces") from None
        if "error" in answer:
            raise UserError(f"command: {str(answer['error'])[:LONGEST]}")
        nfe = answer.get("nfe", 0)
        if not isinstance(nfe, int) or isinstance(nfe, bool) or nfe < 0:
            raise UserError(f"command: its answer's nfe is {nfe!r}, not a number of network calls")
        return nfe

    def _started(self) -> Running:
        if self._running is None or self._running.process.poll() is not None:
            self._stop()  # what it had started
            self._rest = b""
            self._running = Running(
                self._words, self._folder, self._limits, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            self._ending = weakref.finalize(self, self._running.end)
        return self._running

    def _line(self, running: Running) -> bytes:
        """The next line of its output; waits at most the time limit."""
        until = time.monotonic() + self._limits.seconds
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if not self._readable(running, max(0.0, min(left, LAST_CHECK))):
                running.check()
                if left <= 0:
                    self._stop()
                    raise UserError(f"command: no answer within {self._limits.seconds:g} s{running.last_words()}")
                continue
            block = self._read(running)
            if not block:
                raise self._closed(running)
            self._rest += block
            if len(self._rest) > LONGEST_ANSWER:
                self._stop()
                raise UserError("command: its answer is longer than 1 MiB")
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _closed(self, running: Running) -> UserError:
        try:
            running.process.wait(CLOSING_SECONDS)
            how = running.how()
        except subprocess.TimeoutExpired:
            how = "closed its standard output"
        self._stop()
        return UserError(f"command: {how} without an answer{running.last_words()}")

    def _out_of_step(self, what: str) -> UserError:
        self._stop()
        return UserError(f"command: {what}; what a system prints belongs on stderr")

    def _read(self, running: Running) -> bytes:
        assert running.process.stdout is not None
        return os.read(running.process.stdout.fileno(), 65536)

    def _readable(self, running: Running, seconds: float) -> bool:
        assert running.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(running.process.stdout, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def _stop(self) -> None:
        if self._ending is not None:
            self._ending()
        self._running = self._ending = None
