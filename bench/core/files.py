"""Safe file names, atomic writing, and hashes of files."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.core.errors import UserError

_LONGEST = 200
"""Maximum length of a safe name in bytes. File systems allow 255, including a suffix and a temporary prefix."""


def safe_name(text: str) -> str:
    """``text`` as one path component, unique for each text.

    Letters and digits of any script and ``_ - . , + = @`` are kept. Other bytes, and a leading dot, become ``%XX``, so
    that no name leads out of its folder. Names too long for a file system are shortened and end in ``~`` and a hash.
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
    """What ``path`` is instead of a regular file; empty for a file. Prevents blocking on a pipe."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "broken link" if path.is_symlink() else "no such file"
    except OSError as error:
        return f"unreadable, {error.strerror}"
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "special file")


def check_file(path: Path) -> None:
    """Raise ``UserError`` if ``path`` is not a regular file."""
    if reason := not_a_file(path):
        raise UserError(f"{path}: {reason}{', not a file' if reason in _KINDS.values() else ''}")


def digest(path: Path | None) -> str | None:
    """``sha256`` of the file; None if there is no readable file."""
    try:
        return None if path is None or not_a_file(path) else sha256(path)
    except UserError:
        return None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path with the same suffix, to write to; on success it replaces ``path`` atomically.

    Raises:
        UserError: the folder or file cannot be written.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    with naming(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


_TEMPORARY = re.compile(r"\.(\d+)\..+", re.DOTALL)


def sweep(folder: Path) -> None:
    """Remove the temporary files of processes that no longer run from ``folder`` and its sub-folders."""
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
    except OSError:  # another user's process
        return True
    return True


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Turn an ``OSError`` into a ``UserError`` that names its file, or ``path`` if that is none or ``temporary``."""
    try:
        yield
    except OSError as error:
        named = path if str(error.filename) in ("None", str(temporary)) else error.filename
        reason = "a file, not a folder" if isinstance(error, FileExistsError) else error.strerror or error
        raise UserError(f"{named}: cannot be used ({reason})") from error


def sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal digits.

    Raises:
        UserError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with naming(path), path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


Stamps = tuple[tuple[str, int, int], ...]


def stamps(paths: Iterable[Path]) -> Stamps:
    """Each path with the time of its last change and its size, zeros where there is none.

    What was read of files, or of which names a folder holds, stays true for as long as these are the same.
    """
    return tuple((str(path.absolute()), *_stamp(path)) for path in paths)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
