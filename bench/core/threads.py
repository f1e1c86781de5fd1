"""The number of threads that torch computes with, which is a process's and not a package's to choose."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def threads_kept() -> Iterator[None]:
    """Give torch back its number of threads, where code of others changes it in this context.

    OpenMP has one number for all that a process has loaded, and numba sets it to that of all cores when its first loop
    runs. A network beside other busy processes is then ten times as slow as with the one thread it was given.
    """
    torch = sys.modules.get("torch")
    given = torch.get_num_threads() if torch else None
    try:
        yield
    finally:
        if torch and torch.get_num_threads() != given:
            torch.set_num_threads(given)
