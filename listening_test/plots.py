"""The box plot of a listening test: a box for each condition, as in the figures of papers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from listening_test.conditions import Condition
from listening_test.mapping import Kind
from results import figures

WORDS = ("Bad", "Poor", "Fair", "Good", "Excellent")
_OTHERS = {"reference": "#56B4E9", "anchor": "#BDBDBD", "system": "#CC79A7"}


def boxplot(
    ratings: pd.DataFrame, conditions: Mapping[str, Condition], kind: Kind, title: str, by: pd.Series | None = None
) -> Figure:
    """Quartiles, median, whiskers to 1.5 interquartile ranges, what lies outside them, and means as diamonds.

    Args:
        by: a label for each rating; a panel is drawn for each value.
    """
    values = [None] if by is None else sorted(by.dropna().unique(), key=str)
    order = [label for label in conditions if label in set(ratings["condition"])]
    with figures.style():
        figure, panels = figures.panels(len(values), width=max(3.0, 0.75 * len(order) + 1.0), height=3.2, share_y=True)
        for ax, value in zip(panels, values, strict=True):
            part = ratings if by is None or value is None else ratings[by == value]
            _draw(ax, part, order, conditions, kind)
            people = f"{part['listener'].nunique()} listeners, {part['utterance'].nunique()} clips"
            ax.set_title(people if by is None else f"{by.name} = {value}: {people}")
        figure.suptitle(figures.plain(title))
    return figure


def _draw(
    ax: Axes, ratings: pd.DataFrame, order: Sequence[str], conditions: Mapping[str, Condition], kind: Kind
) -> None:
    palette = {label: _colour(conditions[label]) for label in order}
    sns.boxplot(
        data=ratings,
        x="condition",
        y="score",
        hue="condition",
        order=order,
        palette=palette,
        saturation=1,
        width=0.6,
        linewidth=0.9,
        fliersize=2.5,
        showmeans=True,
        meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "0.1", "markersize": 4},
        legend=False,
        ax=ax,
    )
    ax.set(xlabel="", ylabel="MUSHRA score" if kind == "mushra" else "opinion score")
    ax.set_xticks(range(len(order)), [textwrap.fill(figures.plain(label.replace("_", " ")), 10) for label in order])
    if kind == "mushra":
        ax.set(ylim=(-2, 102), yticks=range(0, 101, 20))
        for index, word in enumerate(WORDS):
            ax.text(1.01, 20 * index + 10, word, transform=ax.get_yaxis_transform(), va="center", color="0.4")
    else:
        ax.set(ylim=(0.9, 5.1), yticks=range(1, 6))


def _colour(condition: Condition) -> str:
    return figures.COLOURS.get(condition.paradigm, _OTHERS[condition.role])
