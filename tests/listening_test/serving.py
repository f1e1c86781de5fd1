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


@contextmanager
def serving(folder: Path, webmushra: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The process, and each group's address as it told them; ended at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bench", "mushra", "serve", folder, f"webmushra={webmushra}", f"port={port}"]
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
            if match := re.fullmatch(r"(group\d+): (http://\S+)\n", line):
                urls[match[1]] = match[2]
            if "Ctrl-C ends" in line:
                break
        assert urls, "".join(told)
        yield process, urls
    finally:
        process.kill()
        process.communicate()
