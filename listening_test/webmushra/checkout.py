"""Locate webMUSHRA, which is not part of this package: the user's checkout, or a pinned revision that is fetched."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import naming

REPOSITORY = "https://github.com/audiolabs/webMUSHRA"
REVISION = "07130f21ac231c06b38049c87164361a5428e359"
"""Of May 2025. The configurations written here were tested with it."""

LICENCE = f"{REPOSITORY}/blob/{REVISION}/LICENSE.txt"


def find(folder: str | Path | None) -> Path:
    """The checkout in ``folder``; for None the pinned revision in the user's cache, fetched if necessary.

    Raises:
        UserError: the folder does not contain webMUSHRA, or it cannot be fetched.
    """
    if folder is None:
        return fetch(_cache(), REPOSITORY, REVISION)
    path = Path(folder).expanduser()
    if not _is_checkout(path):
        raise UserError(f"{path}: no webMUSHRA in this folder; it has an index.html and lib/webmushra")
    return path


def fetch(cache: Path, repository: str, revision: str) -> Path:
    """Fetch ``revision`` of ``repository`` into ``cache``. Git verifies the files against the revision's hash.

    Raises:
        UserError: no git, no network.
    """
    target = cache / f"webMUSHRA-{revision[:12]}"
    if _is_checkout(target):
        return target
    with naming(cache):
        cache.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=cache))
    print(f"fetching webMUSHRA into {target}; its licence: {LICENCE}")
    try:
        for command in (("init",), ("fetch", "--depth", "1", repository, revision), ("checkout", "FETCH_HEAD")):
            _git(temporary, *command)
        if not _is_checkout(temporary):
            raise UserError(f"{repository}: revision {revision[:12]} holds no webMUSHRA")
        temporary.chmod(0o755)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _git(folder: Path, command: str, *arguments: str) -> None:
    try:
        subprocess.run(
            ["git", "-C", str(folder), command, "-q", *arguments], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        raise UserError(
            f"webMUSHRA cannot be fetched with git ({reason}); get {REPOSITORY} by other means and name the "
            "folder: webmushra=FOLDER"
        ) from error


def _is_checkout(folder: Path) -> bool:
    return (folder / "index.html").is_file() and (folder / "lib" / "webmushra").is_dir()


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("sebench")
