"""The exception for user errors, and one for commands that end early for another reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message is one line that names the file or key and says what to do.

    The command line prints it without a traceback; inside a run it becomes the row's reason.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Unfinished(UserError):
    """Something that a command needs has ended early. The message says that the same command continues."""


def did_you_mean(kind: str, name: str, known: Iterable[str]) -> UserError:
    """An error for an unknown ``name`` that suggests the nearest known one."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known) or 'none'}"
    return UserError(f"unknown {kind} '{name}': {hint}")
