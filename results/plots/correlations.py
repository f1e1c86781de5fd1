"""Heat maps of the correlations between metrics, one panel per paradigm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.plots import figures
from results.statistics.analysis import Analysis
from results.views.behaviour import Correlation

_NOTE = """below the diagonal Pearson's correlation, above it Spearman's, over recordings and methods
1: alike in what is good"""


def correlation_map(analysis: Analysis, correlations: Sequence[Correlation]) -> Figure | None:
    """Correlation coefficients of every pair of metrics; None if there are none."""
    found = {name for pair in correlations for name in (pair.first, pair.second)}
    names = [name for name in analysis.metrics if name in found]
    paradigms = list(dict.fromkeys(pair.paradigm for pair in correlations))
    if not names:
        return None
    side = 1.1 + 0.42 * len(names)
    with figures.style():
        figure, panels = figures.panels(len(paradigms), width=side + 0.4, height=side)
        for ax, paradigm in zip(panels, paradigms, strict=True):
            _draw(ax, [pair for pair in correlations if pair.paradigm == paradigm], names)
            labels = [figures.plain(analysis.metrics[name].label) for name in names]
            ax.set_xticks(range(len(names)), labels, rotation=90)
            ax.set_yticks(range(len(names)), labels)
            ax.set_title(paradigm)
        figures.finish(figure, analysis, [], _NOTE)
    return figure


def _draw(ax: Axes, correlations: Sequence[Correlation], names: Sequence[str]) -> None:
    grid = np.full((len(names), len(names)), np.nan)
    for pair in correlations:
        row, column = names.index(pair.second), names.index(pair.first)
        grid[row, column], grid[column, row] = pair.coefficient["pearson"], pair.coefficient["spearman"]
    ax.imshow(grid, cmap="RdBu", vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            colour = "white" if abs(value) > 0.6 else "0.15"
            text = ax.text(column, row, f"{value:.2f}", ha="center", va="center", size="x-small", color=colour)
            text.set_in_layout(False)  # the labels lie inside the axes, and measuring thousands of them is slow
    ax.grid(visible=False)
    ax.tick_params(length=0)
