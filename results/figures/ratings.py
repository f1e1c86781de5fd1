"""Fig. 10: ratings of a listening test, a box per condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from results.figures import page
from results.plots.figures import COLOURS, plain

WORDS = ("Bad", "Poor", "Fair", "Good", "Excellent")
_LINE: dict[str, Any] = {"linewidth": 0.7, "color": "0.2"}
_OTHERS = {"reference": "#56B4E9", "anchor": "#BDBDBD"}


def draw(
    scores: Mapping[str, Sequence[float]], kinds: Mapping[str, str], words: bool = True, width: str = "column"
) -> Figure:
    """Quartiles, median, whiskers to 1.5 interquartile ranges, outliers, means as diamonds.

    Args:
        scores: every rating, by condition, in the order in which they are drawn.
        kinds: each condition's paradigm, or ``reference`` or ``anchor``.
        words: whether ratings are MUSHRA's, from 0 to 100, whose words are drawn beside the numbers.
    """
    with page.style():
        figure = page.blank(width, 2.3)
        ax = figure.subplots()
        drawn = ax.boxplot(
            [list(values) for values in scores.values()],
            positions=range(len(scores)),
            widths=0.6,
            patch_artist=True,
            showmeans=True,
            boxprops=dict(_LINE),  # a copy: matplotlib changes it
            whiskerprops=_LINE,
            capprops=_LINE,
            medianprops=_LINE,
            flierprops={"markersize": 1.8, "markeredgecolor": "0.3", "markeredgewidth": 0.4},
            meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "0.1", "markersize": 3},
        )
        for box, label in zip(drawn["boxes"], scores, strict=True):
            box.set_facecolor({**COLOURS, **_OTHERS}.get(kinds[label], "#CC79A7"))
            box.set_alpha(0.75)
        ax.set_xticks(range(len(scores)), [plain(label) for label in scores], rotation=25, ha="right")
        ax.grid(visible=False, axis="x")
        if words:
            ax.set(ylim=(-2, 102), ylabel="MUSHRA score")
            beside = ax.secondary_yaxis("right")
            beside.set_yticks([10 + 20 * place for place in range(5)], list(WORDS))
            beside.tick_params(length=0)
        else:
            ax.set_ylabel("rating")
    return figure
