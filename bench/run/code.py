"""A digest of a plugin's code: what was stored before an edit says nothing of the code after it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import sha256


def code_sha256(factory: Callable[..., Any], whole_package: bool = True) -> str | None:
    """SHA-256 over the names and bytes of the Python files of the package that ``factory`` is defined in.

    Args:
        whole_package: false: of the one module alone.

    Returns:
        None if there is no file, as for what was defined in a notebook.
    """
    name = str(factory.__module__)
    roots = getattr(sys.modules.get(name.partition(".")[0]), "__path__", ()) if whole_package else ()
    try:
        files = {path.relative_to(root).as_posix(): path for root in roots for path in Path(root).rglob("*.py")}
        files = files or {name: Path(str(sys.modules[name].__file__))}
        listed = [f"{name} {sha256(path)}" for name, path in sorted(files.items())]
    except (AttributeError, KeyError, OSError, UserError):
        return None
    return hashlib.sha256("\n".join(listed).encode()).hexdigest() if listed else None
