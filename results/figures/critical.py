"""The critical-difference diagram: mean ranks on a line, and bars over systems that are not told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results.figures import page
from results.plots import figures
from results.store.info import MetricInfo
from results.tables.ranks import Ranks


def draw(found: Sequence[Ranks], metrics: Mapping[str, MetricInfo], width: str = "column") -> Figure:
    """A panel per metric, the best rank on the left; above it the number of blocks, CD, and p of Friedman's test."""
    heights = [0.75 + 0.13 * ((len(ranks.labels) + 1) // 2) + 0.1 * len(ranks.groups()) for ranks in found]
    with page.style():
        figure = page.blank(width, sum(heights))
        axes = figure.subplots(len(found), 1, squeeze=False, gridspec_kw={"height_ratios": heights}).flatten()
        palette = figures.colours(paradigm for ranks in found for paradigm in ranks.paradigms)
        for ax, ranks in zip(axes, found, strict=True):
            _panel(ax, ranks, metrics[ranks.metric].label, palette)
    return figure


def _panel(ax: Axes, ranks: Ranks, label: str, palette: Mapping[str, str]) -> None:
    """The line at 0, bars of groups below it, below these the names, half of them towards either end."""
    count, groups = len(ranks.labels), ranks.groups()
    first = -0.8 - 0.45 * len(groups)
    ax.plot((1, max(count, 2)), (0, 0), color="0.2", linewidth=0.8)
    for place in range(1, count + 1):
        ax.plot((place, place), (0, 0.2), color="0.2", linewidth=0.8)
        ax.text(place, 0.3, str(place), ha="center", va="bottom", size=6)
    for number, (start, end) in enumerate(groups):
        level = -0.45 * (number + 1)
        ax.plot((ranks.means[start] - 0.03, ranks.means[end] + 0.03), (level, level), color="0.1", linewidth=2.2)
    half = (count + 1) // 2
    ends = (1 - 0.04 * count, count + 0.04 * count)
    for place, (name, mean) in enumerate(zip(ranks.labels, ranks.means, strict=True)):
        left = place < half
        level = first - 0.62 * (place if left else count - 1 - place)
        colour = palette[ranks.paradigms[place]]
        ax.plot((mean, mean, ends[not left]), (0, level, level), color=colour, linewidth=0.8)
        text = f"{figures.plain(name)} ({mean:.2f})"
        beside = ends[not left] + (-0.02 if left else 0.02) * count
        ax.text(beside, level, text, ha="right" if left else "left", va="center", size=6.5)
    p = "" if ranks.p != ranks.p else f", p = {ranks.p:.2g}"
    distance = "" if ranks.critical != ranks.critical else f", CD = {ranks.critical:.2f}"
    ax.set_title(f"{label}: {ranks.blocks} units{distance}{p}", size=6.5)
    ax.set(ylim=(first - 0.62 * half, 1.1), xlim=(1 - 0.5 * count, count + 0.5 * count))
    ax.axis("off")
