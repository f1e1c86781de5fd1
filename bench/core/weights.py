"""Where other people's weights lie: in an installed package, or where ``bench weights get`` put them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from bench.core.cache import cache_folder


def folder(name: str) -> Path:
    """Where the files of a catalogue entry lie: under ``SEBENCH_CACHE`` if that is set, else in the user's cache."""
    return cache_folder("weights") / name


def installed(requirement: str, path: str) -> Path | None:
    """The file ``path`` of an installed package, without importing that; None where it is not installed.

    Args:
        requirement: the package and its version, ``NAME==VERSION``; another version does not count.
    """
    package, _, version = requirement.partition("==")
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(path))) if distribution.version == version else None
