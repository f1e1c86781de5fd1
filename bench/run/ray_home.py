"""What a private Ray is surrounded by: its environment variables, its token, its folder, and no servers."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.core.errors import UserError

EVERYWHERE: dict[str, str | None] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # suppresses long logs whenever a process dies
}
HERE: dict[str, str | None] = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # no cluster: the loopback interface, on Linux too
    "RAY_worker_niceness": "0",  # added to the command's own
    "RAY_AUTH_MODE": "token",
}
_PREFIX = "sebench-ray-"
_LONGEST_PARENT = 18
"""In bytes: a socket's path is 85 bytes longer, and its limit is 103 (macOS; 107 on Linux)."""


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables that Ray and its processes read, for the duration of the context; None: unset."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


UNUSED = ("start_monitor", "start_log_monitor", "start_api_server")
"""What starts processes that a private Ray has no use for: its autoscaler, the reader of its logs, its dashboard."""


@contextmanager
def without_servers(node: Any) -> Iterator[None]:
    """Start none of ``UNUSED`` in this context, each most of a second of processor time.

    Ray has options for two of them, which ``ray.init`` does not take. A version of it without such a method is let be.

    Args:
        node: Ray's class of that name.
    """
    before = {name: vars(node)[name] for name in UNUSED if name in vars(node)}
    for name in before:
        setattr(node, name, lambda *_, **__: None)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(node, name, method)


def token(folder: Path) -> dict[str, str | None]:
    """Variables for a private token, in a file that only its user can read."""
    path = folder / "token"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(_secret(), encoding="ascii")
    return {"RAY_AUTH_TOKEN_PATH": str(path), "RAY_AUTH_TOKEN": None}


@cache
def _secret() -> str:
    """The token, constant during this process, because Ray reads it only once."""
    return secrets.token_hex(32)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for Ray's files that only this user can read; folders left by killed runs are removed."""
    parent = _short_parent()
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout), FileLock(left / "lock", timeout=0, mode=0o600):
            if left.stat().st_uid == os.getuid():
                shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with FileLock(folder / "lock", mode=0o600):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_parent() -> Path:
    """The folder for temporary files, or /tmp if the paths of sockets would be too long.

    Raises:
        UserError: neither is usable.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
        if len(os.fsencode(parent)) <= _LONGEST_PARENT and os.access(parent, os.W_OK):
            return parent
    raise UserError(
        f"TMPDIR={tempfile.gettempdir()}: Ray's sockets need a folder of at most {_LONGEST_PARENT} characters that can "
        "be written; name one there, or workers=0 does without Ray"
    )
