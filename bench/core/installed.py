"""What is installed for this Python: entry points and versions of packages.

Python reads the metadata of every package whenever it is asked, and a run asks dozens of times; here they are kept for
as long as no folder of the module path changes.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import metadata
from importlib.metadata import EntryPoint, PackageNotFoundError
from pathlib import Path
from typing import Any

from bench.core.files import Stamps, stamps


def entry_points(group: str) -> list[EntryPoint]:
    """What the installed packages announce under the name of ``group``."""
    return list(_entry_points(_module_path()).select(group=group))


def version(package: str) -> str | None:
    """The version of a package; None where it is not installed as one."""
    return _version(package, _module_path())


def _module_path() -> Stamps:
    return stamps(map(Path, sys.path))


@lru_cache(maxsize=1)
def _entry_points(module_path: Stamps) -> Any:  # of another type in Python 3.12
    return metadata.entry_points()


@lru_cache(maxsize=256)
def _version(package: str, module_path: Stamps) -> str | None:
    try:
        return metadata.version(package)
    except PackageNotFoundError:
        return None
