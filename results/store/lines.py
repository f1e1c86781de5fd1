"""The lines of a row log, as they are on the disk."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.core.records import parse

_BLOCK = 1 << 16


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with the offset of its first byte, without an unfinished last one, which a killed writer can leave.

    Raises:
        OSError: the file cannot be read; one that does not exist has no lines.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        offset = 0
        for line in file:
            if line.endswith(b"\n") or is_json(line):
                yield offset, line
            offset += len(line)


def is_json(line: bytes) -> bool:
    try:
        parse(line.decode("utf-8", "surrogatepass"))
    except ValueError:
        return False
    return True


def unfinished(path: Path) -> bytes:
    """What follows the last newline of a file."""
    tail = b""
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        while start and b"\n" not in tail:
            block = min(start, _BLOCK)
            start = file.seek(start - block)
            tail = file.read(block) + tail
    return tail[tail.rfind(b"\n") + 1 :]


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the collector of reference cycles: among keys and standings are none, and to look takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
