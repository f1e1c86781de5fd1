"""What a program's output depends on beside its input: its files, its interpreter's packages, its checkout."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from bench.core.files import sha256
from methods.command_line import program_of

PACKAGES = (
    "import importlib.metadata as m; print(*sorted(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
)
"""Lists the packages of an interpreter without pip."""


def described(words: Sequence[str], folder: Path) -> dict[str, str]:
    """Facts about a command line that runs in ``folder``, as far as they can be determined.

    ``installed_sha256`` of the interpreter's ``pip freeze``; ``interpreter``, its version; ``revision`` of the checkout
    and ``changes_sha256`` of what is not committed in it; and the SHA-256 of every file that the command line names,
    the program among them.
    """
    program = program_of(words, folder) or words[0]
    found = {**_interpreter(program), **_checkout(folder)} if _is_python(program) else _checkout(folder)
    for word in dict.fromkeys([program, *words[1:]]):
        path = folder / word
        if path.is_file():
            status = path.stat()
            found[f"file {word}"] = _digest(path, status.st_mtime_ns, status.st_size)
    return found


def _is_python(program: str) -> bool:
    return Path(program).name.startswith("python")


@lru_cache
def _interpreter(program: str) -> dict[str, str]:
    installed = _asked([program, "-m", "pip", "freeze"], Path("/")) or _asked([program, "-c", PACKAGES], Path("/"))
    found = {"interpreter": _asked([program, "--version"], Path("/"))}
    if installed:
        found["installed_sha256"] = hashlib.sha256(installed.encode()).hexdigest()
    return found


def _checkout(folder: Path) -> dict[str, str]:
    revision = _asked(["git", "describe", "--always", "--dirty"], folder)
    if not revision:
        return {}
    changes = _asked(["git", "diff", "HEAD", "--", "."], folder) if revision.endswith("-dirty") else ""
    own = {"changes_sha256": hashlib.sha256(changes.encode()).hexdigest()} if changes else {}
    return {"revision": revision, **own}


@lru_cache
def _digest(path: Path, modified: int, size: int) -> str:
    """The digest of a file's bytes; ``modified`` and ``size`` say which state of it."""
    return sha256(path)


def _asked(words: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
