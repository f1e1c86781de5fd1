"""Tables on the terminal, and in a file or pipe without breaking their lines."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

_WIDE = 400
"""Columns where no terminal limits them."""


def show_table(table: Table) -> None:
    """Print ``table`` to standard output; the user's own text in it is never markup."""
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
