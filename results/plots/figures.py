"""The common style of all figures: colours, panels, legend, and reproducible files.

No figure window and no global matplotlib state is involved.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from bench.core.files import replacing
from results.statistics.analysis import Analysis
from results.statistics.panel import System
from results.store.info import PARADIGMS

COLOURS = {
    "control": "#7F7F7F",
    "oracle": "#B8A000",
    "external": "#000000",
    "predictive": "#0072B2",
    "generative": "#E69F00",
    "refinement": "#009E73",
    "regeneration": "#D55E00",
}
"""Okabe and Ito's palette, distinguishable with colour blindness; other paradigms use its two remaining colours."""

FORMATS = ("png", "pdf")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_OTHER_COLOURS = ("#CC79A7", "#56B4E9")


def colours(paradigms: Iterable[str]) -> dict[str, str]:
    """The colour of each given paradigm, in the order of the tables."""
    present = list(dict.fromkeys(paradigms))
    others = dict(zip([p for p in present if p not in COLOURS], cycle(_OTHER_COLOURS), strict=False))
    return {p: {**COLOURS, **others}[p] for p in sorted(present, key=[*PARADIGMS, *others].index)}


def label(system: System) -> str:
    """A system's name as it is drawn."""
    return plain(system.method) if system.steps is None else f"{plain(system.method)}, N = {system.steps}"


def plain(name: str) -> str:
    """A user's name as it is drawn: ``$`` is escaped, and long names are wrapped."""
    return textwrap.fill(name.replace("$", r"\$"), 28)


def interval(analysis: Analysis) -> str:
    """A description of the intervals in a figure: confidence level and number of units."""
    return f"{100 * analysis.options.confidence:g} % interval over {analysis.units}"


def style() -> ExitStack:
    """Seaborn's style and fonts that stay text in PDF, for as long as the figure is drawn."""
    stack = ExitStack()
    stack.enter_context(sns.plotting_context("paper"))
    stack.enter_context(sns.axes_style("whitegrid", {"axes.edgecolor": "0.6", "grid.color": "0.92"}))
    stack.enter_context(mpl.rc_context({"pdf.fonttype": 42, "axes.spines.top": False, "axes.spines.right": False}))
    return stack


def panels(count: int, width: float, height: float, *, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, at most four side by side, ``width`` × ``height`` inches each."""
    rows = math.ceil(count / 4)
    columns = math.ceil(count / rows)
    size = (max(width * columns, 4.2) + 0.6, height * rows + 0.9)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06), dpi=200)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharey=share_y, squeeze=False).flatten()
    for ax in grid[count:]:
        ax.remove()
    return figure, list(grid[:count])


def finish(figure: Figure, analysis: Analysis, handles: Sequence[Line2D], note: str) -> None:
    """Title, legend, and a note on what the marks mean."""
    figure.suptitle(f"{plain(analysis.panel.dataset)}: {analysis.size}", fontsize="large")
    widest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(len(handles), int(figure.get_figwidth() / (0.5 + 0.08 * widest))))
    figure.set_figheight(figure.get_figheight() + 0.2 * math.ceil(len(handles) / columns))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        title=note,
        title_fontsize="small",
    )


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure in every format. Files hold no date, so the same figure gives the same bytes."""
    written = []
    figure.draw_without_rendering()  # compute the layout once for all formats
    with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
    for suffix in FORMATS:
        path = folder / f"{name}.{suffix}"
        with replacing(path) as temporary:
            figure.savefig(temporary, metadata={"CreationDate": None} if suffix == "pdf" else None)
        written.append(path)
    return written
