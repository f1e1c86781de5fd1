"""What the user should know and did not ask for, told apart from a command's answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def show(notes: Iterable[str]) -> None:
    """Print notes where they do not mix with what a command answers."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr, flush=True)
