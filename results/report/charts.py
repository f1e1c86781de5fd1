"""The page's charts: SVG by matplotlib, one panel each, so that a phone shows one below the other.

Drawn here and not in the page: the figures keep the project's own statistics, need no script, and weigh some
kilobytes, where a plotting library for browsers weighs megabytes in every page. Text stays text, and colours of ink
and lines are the page's, light or dark. What belongs to a system carries its number, by which the page highlights it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from io import StringIO
from itertools import count
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from results.plots import figures
from results.plots.strata import score_range
from results.statistics.analysis import Analysis
from results.views.pareto import COSTS, TradeOff, trade_off
from results.views.strata import Stratum

INK, MUTED, LINE = "#1a1b1c", "#6c6d6e", "#d8d9da"
"""Colours that stand for the page's own."""

_CSS = {INK: "currentColor", MUTED: "var(--muted)", LINE: "var(--line)", "#000000": "currentColor"}

SHAPES = dict(zip(figures.MARKERS, "●■▲◆▼✚✖◀▶", strict=True))
"""The markers as characters, for the page's legend."""

MOST_POINTS = 60
"""Recordings per system up to which each is drawn."""

_number = count()


def palette(analysis: Analysis) -> list[str]:
    """The colour of every system: its paradigm's."""
    of = figures.colours(system.paradigm for system in analysis.panel.systems)
    return [of[system.paradigm] for system in analysis.panel.systems]


def marker(number: int) -> str:
    """The marker of a system, told apart from others of its colour."""
    return figures.MARKERS[number % len(figures.MARKERS)]


def trade_offs(analysis: Analysis, metric: str) -> list[str]:
    """The metric against every cost that at least two systems have."""
    found = (trade_off(analysis, cost, metric) for cost in COSTS)
    return [_trade_off(analysis, one) for one in found if one is not None]


def _trade_off(analysis: Analysis, one: TradeOff) -> str:
    info, colours = analysis.metrics[one.metric], palette(analysis)
    figure, ax = _panel(3.4)
    for number, system in enumerate(analysis.panel.systems):
        of = analysis.summaries[number].metrics[one.metric]
        if system.paradigm == "control" and of.n:
            ax.axhline(of.mean, color=MUTED, linestyle=":", linewidth=1, gid=f"mark-{number}")
        if number not in one.points:
            continue
        cost, mean = one.points[number]
        if np.isfinite(of.low):
            ax.vlines(cost, of.low, of.high, color=colours[number], linewidth=1.4, gid=f"mark-{number}")
        ax.plot(cost, mean, marker=marker(number), color=colours[number], linestyle="", gid=f"mark-{number}")
    front = [one.points[number] for number in one.front]
    if len(front) > 1:
        ax.plot(*zip(*front, strict=True), color=MUTED, linewidth=1, drawstyle="steps-post", zorder=1)
    if one.knee is not None:
        ax.plot(*one.points[one.knee], marker="o", markersize=13, fillstyle="none", color=INK, linestyle="")
        ax.annotate("knee", one.points[one.knee], (0, 9), textcoords="offset points", ha="center", size=8)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(0.12)
    ax.set(xlabel=COSTS[one.cost], ylabel=info.heading)
    return _svg(figure, f"{info.label} against {COSTS[one.cost]}")


def distribution(analysis: Analysis, metric: str) -> str:
    """Every system's recordings: quartiles, 5 to 95 %, single ones where they are few; the mean with its interval."""
    info, colours = analysis.metrics[metric], palette(analysis)
    systems = analysis.panel.systems
    figure, ax = _panel(0.9 + 0.3 * len(systems), 6.2)
    for number in range(len(systems)):
        clips = analysis.panel.scores[metric].clips[number]
        values = clips[np.isfinite(clips)]
        if values.size:
            _box(ax, values, number, colours[number])
        of = analysis.summaries[number].metrics[metric]
        if np.isfinite(of.low):
            ax.hlines(number, of.low, of.high, color=INK, linewidth=2, zorder=4, gid=f"mark-{number}")
        if of.n:
            ax.plot(of.mean, number, marker="D", color=INK, markersize=4, zorder=5, gid=f"mark-{number}")
    ax.set_yticks(range(len(systems)), [figures.label(system) for system in systems])
    ax.set(xlabel=info.heading, ylim=(len(systems) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    return _svg(figure, f"Distribution of {info.label} over recordings")


def _box(ax: Axes, values: NDArray[np.float64], place: int, colour: str) -> None:
    low, first, median, third, high = np.percentile(values, (5, 25, 50, 75, 95))
    name = f"mark-{place}"
    ax.barh(place, third - first, 0.55, first, color=colour, alpha=0.35, edgecolor=MUTED, zorder=2)[0].set_gid(name)
    ax.vlines(median, place - 0.28, place + 0.28, color=MUTED, zorder=3, gid=name)
    ax.hlines((place, place), (low, third), (first, high), color=MUTED, linewidth=1, zorder=2, gid=name)
    if values.size <= MOST_POINTS:
        spread = place + np.random.default_rng(0).uniform(-0.22, 0.22, values.size)
        ax.plot(values, spread, marker="o", markersize=3, color=colour, linestyle="", alpha=0.6, gid=name)


def by_stratum(analysis: Analysis, strata: Sequence[Stratum], metric: str) -> str | None:
    """The metric by the values of one tag, a line per system; None without any value."""
    if not any(of.n for stratum in strata for of in stratum.metrics[metric]):
        return None
    info, colours = analysis.metrics[metric], palette(analysis)
    figure, ax = _panel(3.2)
    shifts = np.linspace(-0.25, 0.25, len(colours)) if len(colours) > 1 else np.zeros(1)
    for number, shift in enumerate(shifts):
        of_system = [stratum.metrics[metric][number] for stratum in strata]
        look: dict[str, Any] = {"color": colours[number], "gid": f"mark-{number}"}
        places = np.arange(len(strata)) + shift
        ax.plot(places, [of.mean for of in of_system], marker=marker(number), markersize=4, linewidth=0.8, **look)
        ends = np.array([(of.low, of.high) for of in of_system])
        known = np.isfinite(ends).all(axis=1)
        ax.vlines(places[known], *ends[known].T, linewidth=1, alpha=0.5, **look)
    names = [f"{figures.plain(stratum.value)}\n({len(stratum.panel.clips)})" for stratum in strata]
    low, high = score_range(strata, metric)
    ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    ax.set_xticks(range(len(strata)), names, size="small", rotation=0 if len(strata) < 6 else 45)
    ax.set(xlabel=figures.plain(strata[0].tag), ylabel=info.heading)
    ax.grid(visible=False, axis="x")
    return _svg(figure, f"{info.label} by {strata[0].tag}")


def _panel(height: float, width: float = 4.2) -> tuple[Figure, Axes]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        return figure, figure.subplots()


_STYLE = {
    **{"font.size": 10, "svg.fonttype": "none", "font.family": "sans-serif", "axes.axisbelow": True},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": LINE},
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK),
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED),
}


def _svg(figure: Figure, title: str) -> str:
    """The figure as an element for the page, with ids that are its own."""
    salt = f"chart{next(_number)}"
    text = StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'id="mark-(\d+)"', r'data-system="\1"', svg)
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)  # "patch_2", the same in every figure
    box = re.search(r'viewBox="([^"]*)"', svg)
    svg = f'<svg role="img" aria-label="{escape(title)}" viewBox="{box[1] if box else ""}">{svg.partition(">")[2]}'
    for colour, css in _CSS.items():
        svg = svg.replace(colour, css)
    return svg
