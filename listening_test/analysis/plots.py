"""The pictures of a listening test: one box per condition, or one interval per pair."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from listening_test.analysis import fonts
from listening_test.design.conditions import Condition
from listening_test.design.mapping import Kind
from results.plots import boxes, figures

RANGES: Mapping[Kind, tuple[float, float]] = {"ab": (-1.05, 1.05), "abx": (-0.02, 1.05), "ccr": (-3.1, 3.1)}
SCORES: Mapping[Kind, str] = {
    "ab": "preference of the first (1) or the other (-1)",
    "abx": "share of right answers",
    "ccr": "comparison of the first with the other",
}
_WIDEST = 10
"""Characters of a condition's name on one line."""


def boxplot(
    ratings: pd.DataFrame, conditions: Mapping[str, Condition], kind: Kind, title: str, by: pd.Series | None = None
) -> Figure:
    """Quartiles, median, whiskers to 1.5 interquartile ranges, outliers, and means as diamonds.

    Args:
        by: a label for each rating; one panel is drawn per value.
    """
    values = [None] if by is None else sorted(by.dropna().unique(), key=str)
    order = [label for label in conditions if label in set(ratings["condition"])]
    with _style([*order, title, *map(str, values)]):
        figure, panels = figures.panels(len(values), width=max(3.0, 0.75 * len(order) + 1.0), height=3.2, share_y=True)
        for ax, value in zip(panels, values, strict=True):
            part = ratings if by is None or value is None else ratings[by == value]
            _draw(ax, part, order, conditions, kind)
            people = f"{part['listener'].nunique()} listeners, {part['utterance'].nunique()} clips"
            ax.set_title(people if by is None else f"{by.name} = {value}: {people}")
        figure.suptitle(textwrap.fill(title.replace("$", r"\$"), int(10 * figure.get_figwidth())))
    return figure


def pairs(table: pd.DataFrame, kind: Kind) -> Figure:
    """The score of every pair with its interval, and the score that means no difference.

    Args:
        table: from ``ratings.comparisons``.
    """
    word = "or" if kind == "abx" else "against"
    names = [f"{one} {word} {other}" for one, other in zip(table["condition"], table["other"], strict=True)]
    low, high = RANGES[kind]
    with _style(names):
        figure, (ax,) = figures.panels(1, width=5.0, height=0.5 + 0.35 * len(names))
        places = range(len(names))
        ax.hlines(places, table["low"], table["high"], linewidth=0.9, color="0.2")
        ax.plot(table["score"], places, "o", color=figures.COLOURS["predictive"], markersize=5)
        ax.axvline(0.5 if kind == "abx" else 0.0, color="0.6", linestyle="--", linewidth=0.9)
        ax.set_yticks(places, [textwrap.fill(name.replace("$", r"\$"), 40) for name in names])
        ax.set(xlim=(low, high), ylim=(len(names) - 0.5, -0.5), xlabel=SCORES[kind])
        ax.grid(visible=False, axis="y")
    return figure


def _style(texts: Iterable[str]) -> ExitStack:
    """The style of all figures, with fonts that draw these texts."""
    stack = figures.style()
    stack.enter_context(mpl.rc_context({"font.family": fonts.families(texts)[0]}))
    return stack


def _draw(
    ax: Axes, ratings: pd.DataFrame, order: Sequence[str], conditions: Mapping[str, Condition], kind: Kind
) -> None:
    scores = [ratings.loc[ratings["condition"] == label, "score"].to_numpy() for label in order]
    boxes.draw(ax, scores, [conditions[label].kind for label in order])
    ax.set_xticks(range(len(order)), [textwrap.fill(_spaced(label), _WIDEST) for label in order])
    if kind == "mushra":
        boxes.mushra(ax)
    else:
        ax.set(ylim=(0.9, 5.1), yticks=range(1, 6), ylabel="opinion score")


def _spaced(label: str) -> str:
    """``label`` with spaces at which a long name can be wrapped."""
    label = label.replace("$", r"\$")
    return label if len(label) <= _WIDEST else label.replace("_", " ")
