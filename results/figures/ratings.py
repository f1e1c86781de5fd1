"""Fig. 10: ratings of a listening test, a box per condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from results.figures import page
from results.plots import boxes
from results.plots.figures import plain


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
        boxes.draw(ax, list(scores.values()), [kinds[label] for label in scores])
        ax.set_xticks(range(len(scores)), [plain(label) for label in scores], rotation=25, ha="right")
        if words:
            boxes.mushra(ax)
        else:
            ax.set_ylabel("rating")
    return figure
