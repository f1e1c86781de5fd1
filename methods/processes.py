"""The processes that a program has started, wherever they went: found by a mark in their environment, and ended."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

MARK = "SEBENCH_PROGRAM"
"""The variable that a program and all that it starts inherit."""

ROUNDS = 100
"""A program that starts processes faster than they are ended is given up after so many rounds."""


def new_mark() -> str:
    return secrets.token_hex(16)


def marked(mark: str) -> dict[str, str]:
    """What marks a program in its environment."""
    return {MARK: mark}


def family(mark: str) -> list[int]:
    """The running processes with this mark, on Linux; elsewhere none, and a program's session is all that is known."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is another user's
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End the program, its session, and whatever left that session, and wait for it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(ROUNDS):
        left = family(mark)
        if not left:
            break
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
