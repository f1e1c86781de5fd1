"""Notes to the user, separate from a command's output."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def show(notes: Iterable[str]) -> None:
    """Print notes to standard error, so that they do not mix with a command's output."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr, flush=True)
