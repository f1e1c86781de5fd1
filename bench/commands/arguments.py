"""What stands behind a command's name is sorted by one rule, the same in every command."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.conf.compose import is_key
from bench.core.errors import UserError

RULE = """Arguments are sorted alike in every command. KEY=VALUE sets a key, and NAME.yaml is a study, a file of keys as
--cfg prints it; of keys set twice the later counts. All else names what the command works on: runs, folders or files.
A run's name goes before a folder of that name: ./NAME is the folder, ./KEY=VALUE a file called so.
A VALUE is a text, [a, list] or {a: mapping}; quote these from the shell. A text in a list that holds a comma or bracket
goes into quotes of its own: 'datasets=["a,b"]'."""


def sort(arguments: Sequence[str], usage: str) -> tuple[list[str], list[str]]:
    """What is named, and what sets keys, of a command that works on something.

    Raises:
        UserError: nothing is named; or not as many things as ``usage`` names, where it has no dots.
    """
    keys = [argument for argument in arguments if is_key(argument)]
    named = [argument for argument in arguments if not is_key(argument)]
    before = usage.partition("[KEY")[0]
    several, wanted = "..." in before, len(re.findall(r"\b[A-Z]+\b", before))
    if not named or (not several and len(named) != wanted):
        raise UserError(f"usage: bench {usage}")
    return named, keys
