"""Box plots of ratings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from results.plots.figures import COLOURS

WORDS = ("Bad", "Poor", "Fair", "Good", "Excellent")
_COLOURS = {**COLOURS, "reference": "#56B4E9", "anchor": "#BDBDBD"}
_OTHER = "#CC79A7"


def draw(ax: Axes, scores: Sequence[ArrayLike], kinds: Iterable[str]) -> None:
    """Quartiles, median, whiskers to 1.5 interquartile ranges, outliers, means as diamonds; as fine as the type.

    Args:
        kinds: each box's paradigm, or ``reference`` or ``anchor``, by which it is coloured.
    """
    unit = mpl.rcParams["font.size"] / 10
    line = {"linewidth": unit, "color": "0.2"}
    drawn = ax.boxplot(
        scores,
        positions=range(len(scores)),
        widths=0.6,
        patch_artist=True,
        showmeans=True,
        boxprops=dict(line),  # a copy: matplotlib changes it
        whiskerprops=line,
        capprops=line,
        medianprops=line,
        flierprops={"markersize": 2.5 * unit, "markeredgecolor": "0.3", "markeredgewidth": 0.6 * unit},
        meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "0.1", "markersize": 4.2 * unit},
    )
    for box, kind in zip(drawn["boxes"], kinds, strict=True):
        box.set_facecolor(_COLOURS.get(kind, _OTHER))
        box.set_alpha(0.75)
    ax.grid(visible=False, axis="x")


def mushra(ax: Axes) -> None:
    """The scale from 0 to 100, with its words at the right."""
    ax.set(ylim=(-2, 102), yticks=range(0, 101, 20), ylabel="MUSHRA score")
    beside = ax.secondary_yaxis("right")
    beside.set_yticks([10 + 20 * place for place in range(5)], list(WORDS))
    beside.tick_params(length=0)
