"""Tables as Markdown: numbers to three significant digits, intervals in one cell, escaped text."""

from __future__ import annotations

import math

import pandas as pd

from results.views import markup

WIDEST = 8
"""Columns of a table on the page."""


def lines(table: pd.DataFrame) -> list[str]:
    """The lines of a Markdown table."""
    cells = [[markup.markdown(str(name).replace("_", " ")) for name in table.columns]]
    cells += [[cell(value) for value in line] for line in table.itertuples(index=False)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(table.columns))]
    shown = ["| " + " | ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)) + " |" for line in cells]
    return [shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]]


def with_interval(table: pd.DataFrame, estimate: str, low: str = "low", high: str = "high") -> pd.DataFrame:
    """The table with the columns ``low`` and ``high`` in one, behind ``estimate``."""
    ends = zip(table[low], table[high], strict=True)
    joined = [cell(math.nan) if a != a or b != b else f"{cell(float(a))} to {cell(float(b))}" for a, b in ends]
    narrower = table.drop(columns=[low, high])
    place = list(narrower.columns).index(estimate) + 1
    narrower.insert(place, f"{estimate} 95 %", joined)
    return narrower


def cell(value: object) -> str:
    """A value as it is shown; "-" where it is missing."""
    if value is None or value is pd.NA or value != value:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if 0 < abs(value) < 0.001:
            return f"{value:.1e}"
        return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3}f}"
    return markup.markdown(str(value))
