"""`bench mushra serve` as a process of its own, as an experimenter starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(
    folder: Path, webmushra: Path, *keys: str, port: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The process, and the addresses as it told them: each group's, and the one of all listeners; ended at the end."""
    port = port or free_port()
    named = (f"webmushra={webmushra}", f"port={port}", *keys)
    command = [sys.executable, "-m", "bench", "mushra", "serve", folder, *named]
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    urls, told = {}, []
    try:
        for line in process.stdout:
            told.append(line)
            if match := re.fullmatch(r"(group\d+|listeners): (http://[^\s;]+).*\n", line):
                urls[match[1]] = match[2]
            if "Ctrl-C ends" in line:
                break
        assert urls, "".join(told)
        yield process, urls
    finally:
        process.kill()
        process.communicate()
