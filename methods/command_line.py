"""An external program's command line: split into words, and with the paths and numbers of a recording filled in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

from bench.core.errors import UserError

PLACES = ("{noisy}", "{enhanced}")


def words_of(run: str, python: str | None) -> list[str]:
    """The words of the command line ``run``, split as a shell does.

    Args:
        python: the interpreter that replaces a leading ``python``, made absolute if it is a relative path.

    Raises:
        UserError: ``run`` is empty, has an open quote, or does not begin with python although ``python`` is given.
    """
    try:
        words = shlex.split(run)
    except ValueError as error:
        raise UserError(f"command: run: {error}: {run}") from None
    if not words:
        raise UserError("command: run is empty; it is a command line with {noisy} and {enhanced}")
    if python is not None:
        if Path(words[0]).name not in ("python", "python3"):
            raise UserError(f"command: python is given, but run does not begin with python: {run}")
        words[0] = str(Path(python).expanduser().absolute()) if os.sep in python else python
    return words


def filled(word: str, told: Mapping[str, object]) -> str:
    """``word`` with ``{name}`` replaced by each value of ``told``; None gives nothing."""
    for name, value in told.items():
        word = word.replace(f"{{{name}}}", "" if value is None else str(value))
    return word


def program_of(words: Sequence[str], folder: Path) -> str | None:
    """The path of the program that ``words`` starts in ``folder``, an absolute path; None if there is none.

    A name without a separator is looked up in PATH, and a relative path begins at ``folder``.
    """
    program = words[0]
    return which(str(folder / program) if os.sep in program else program)
