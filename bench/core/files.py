"""Names that are safe on disk, and files that are there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.core.errors import UserError

_LONGEST = 200
"""Bytes of a safe name. File systems allow 255; a suffix and a temporary prefix must still fit."""


def safe_name(text: str) -> str:
    """``text`` as one path component, different for different texts, and readable where it can be.

    Letters and digits of any script, ``_ - . , + = @`` stay; all else, and a leading dot, becomes
    ``%XX`` byte by byte, so no text leads out of its folder. Names too long for a file system end
    in ``~`` and a hash.
    """
    name = re.sub(r"^\.|[^\w.,+=@-]", _percent, text) or "%"
    encoded = name.encode()
    if len(encoded) <= _LONGEST:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:32]
    return f"{encoded[: _LONGEST - 33].decode(errors='ignore')}~{digest}"


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


_KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def not_a_file(path: Path) -> str:
    """What ``path`` is in place of a file, so that nothing waits for a pipe; empty for a file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "broken link" if path.is_symlink() else "no such file"
    except OSError as error:
        return f"unreadable, {error.strerror}"
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "special file")


def check_file(path: Path) -> None:
    """Raises ``UserError`` where ``path`` is no file, before anything waits for it."""
    if reason := not_a_file(path):
        raise UserError(f"{path}: {reason}{', not a file' if reason in _KINDS.values() else ''}")


def digest(path: Path | None) -> str | None:
    """``sha256``; None where there is no file that can be read."""
    try:
        return None if path is None or not_a_file(path) else sha256(path)
    except UserError:
        return None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path of the same suffix, to write to; at the end it takes ``path``'s place.

    Raises:
        UserError: the folder or file cannot be written.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


_TEMPORARY = re.compile(r"\.(\d+)\..+", re.DOTALL)


def sweep(folder: Path) -> None:
    """Remove from ``folder``, and from all below, the temporary files of processes that are gone."""
    for parent, _, names in os.walk(folder):
        for name in names:
            match = _TEMPORARY.fullmatch(name)
            if match and not _alive(int(match[1])):
                with suppress(OSError):
                    Path(parent, name).unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn a failing system call into one line that names the file in the way, else ``path``."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or path}: cannot be used ({error.strerror or error})") from error


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal digits.

    Raises:
        UserError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with naming(path), path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
