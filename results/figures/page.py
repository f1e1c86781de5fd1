"""What the figures have in common: the width of a column, type, colours, and files that are the same each time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.core.files import replacing
from results.plots import figures

WIDTHS = {"column": 3.5, "page": 7.16}
"""Inches, of IEEE's two-column format."""

FORMATS = ("pdf", "png", "svg")
_TYPE = {
    **{"font.size": 7, "axes.titlesize": 7.5, "axes.labelsize": 7, "legend.fontsize": 6.5, "xtick.labelsize": 6.5},
    **{"ytick.labelsize": 6.5, "axes.linewidth": 0.5, "svg.fonttype": "none", "svg.hashsalt": "sebench"},
    **{"xtick.major.width": 0.5, "ytick.major.width": 0.5, "xtick.major.pad": 2, "ytick.major.pad": 2},
}


def style() -> ExitStack:
    """The common look of all plots, in type that is legible at the width of a column."""
    stack = figures.style()
    stack.enter_context(mpl.rc_context(_TYPE))
    return stack


def blank(width: str, height: float) -> Figure:
    """An empty figure, ``height`` inches high."""
    figure = Figure(figsize=(WIDTHS[width], height), layout="constrained", dpi=300)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure as PDF, PNG and SVG, without a date: the same data give the same bytes.

    Raises:
        UserError: a file cannot be written.
    """
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": None}
    written = []
    for suffix in FORMATS:
        path = folder / f"{name}.{suffix}"
        with replacing(path) as temporary, style():
            figure.savefig(temporary, metadata=undated[suffix])
        written.append(path)
    return written
