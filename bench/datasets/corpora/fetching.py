"""Fetching a corpus' files into a folder: continued where they ended, checked, with progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path

from bench.core import first_use
from bench.core.download import download
from bench.core.errors import UserError
from bench.core.files import naming, sha256
from bench.datasets.corpora.card import Card, Download

TRUSTED = "sha256.json"
"""The SHA-256 of files for which no source states a hash, as they first came."""

Report = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are here, and all its bytes where they are known."""


def fetch(
    card: Card, folder: Path, splits: Collection[str] = (), report: Report = lambda name, done, whole: None
) -> None:
    """Fetch what is missing in ``folder`` of the files of ``splits`` (none: of all), and check all of them.

    Raises:
        UserError: nothing can be fetched by a program, there is no network, or a file is not what it was.
    """
    if not card.files:
        raise UserError(f"{card.name}: its corpora cannot be fetched by a program; {card.get}")
    wanted = {"train" if split == "valid" else split for split in splits}
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, file in card.files.items():
        if not wanted or file.split is None or file.split in wanted:
            _fetch(folder / name, file, report)


def _fetch(path: Path, file: Download, report: Report) -> None:
    if not path.is_file():
        download(file.url, path, lambda done, whole: report(path.name, done, whole))
    if file.md5 is not None:
        if _md5(path) != file.md5:
            raise UserError(f"{path}: not the file that is expected (another MD5); delete it and try again")
        return
    digest, trusted = sha256(path), first_use.recorded(path.parent / TRUSTED)
    if trusted.get(path.name, digest) != digest:
        raise UserError(f"{path}: not the file that first came (another SHA-256); delete it and try again")
    if path.name not in trusted:
        first_use.record(path.parent / TRUSTED, path.name, digest)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with naming(path), path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
