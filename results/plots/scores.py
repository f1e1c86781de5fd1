"""Plots of a run: each metric by method, and each metric against the number of network calls.

One figure per dataset, one panel per metric, methods coloured by paradigm. Each point is a recording, averaged
over its seeds; means have the same intervals as in the leaderboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from results.plots import figures
from results.statistics.analysis import Analysis
from results.statistics.summaries import MetricSummary, Summary
from results.store.info import MetricInfo

_BOX_NOTE = """box: quartiles; whiskers: 5 to 95 %; dotted: mean of the control
diamond and number: mean, with {interval}"""
_CALLS_NOTE = "mean, with {interval}; horizontal line: no network calls"
_LEVELS = ((0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


def scores_by_method(analysis: Analysis) -> Figure | None:
    """Every recording, the quartiles, and the mean with its interval; one line per method and number of steps.

    The dotted line is the mean of the unprocessed recordings, where they were scored.

    Returns:
        None if there is nothing to draw.
    """
    names = analysis.shown
    if not names:
        return None
    systems = analysis.panel.systems
    palette = figures.colours(system.paradigm for system in systems)
    with figures.style():
        figure, panels = figures.panels(len(names), width=2.9, height=0.6 + 0.32 * len(systems), share_y=True)
        for ax, name in zip(panels, names, strict=True):
            of_metric = [summary.metrics[name] for summary in analysis.summaries]
            places = [place for place, of in enumerate(of_metric) if of.n]
            clips = analysis.panel.scores[name].clips
            scores = [clips[place][np.isfinite(clips[place])] for place in places]
            _draw_distributions(ax, scores, places, [palette[systems[place].paradigm] for place in places])
            _draw_means(ax, [of_metric[place] for place in places], places)
            for place in places:
                if systems[place].paradigm == "control":
                    level = of_metric[place].mean
                    ax.axvline(level, color=figures.COLOURS["control"], linestyle=":", linewidth=1, zorder=1)
                _print_mean(ax, of_metric[place].mean, place, analysis.metrics[name])
            ax.set_yticks(range(len(systems)), [figures.label(system) for system in systems])
            ax.set(xlabel=analysis.metrics[name].heading, ylim=(len(systems) - 0.5, -0.5))
            ax.grid(visible=False, axis="y")
        handles = [Line2D([], [], color=colour, marker="s", linestyle="", label=p) for p, colour in palette.items()]
        figures.finish(figure, analysis, handles, _BOX_NOTE.format(interval=figures.interval(analysis)))
    return figure


def _draw_distributions(
    ax: Axes, scores: Sequence[NDArray[np.float64]], places: Sequence[int], colours: Sequence[str]
) -> None:
    """A box plot and the single recordings for each system."""
    low, first, median, third, high = np.array([np.percentile(values, (5, 25, 50, 75, 95)) for values in scores]).T
    middles, tints = np.array(places), [_tint(colour) for colour in colours]
    thin: dict[str, Any] = {"color": "0.4", "linewidth": 0.8}
    ax.barh(middles, third - first, 0.6, first, color=tints, edgecolor="0.4", linewidth=0.8, zorder=2)
    ax.vlines(median, middles - 0.3, middles + 0.3, zorder=2.2, **thin)
    ax.hlines(np.r_[middles, middles], np.r_[low, third], np.r_[first, high], zorder=2, **thin)
    for values, place, colour in zip(scores, places, colours, strict=True):
        ax.plot(
            values,
            place + np.random.default_rng(0).uniform(-0.24, 0.24, len(values)),
            color=colour,
            alpha=float(np.clip(30 / len(values), 0.15, 0.6)),
            linestyle="",
            marker="o",
            markersize=float(np.sqrt(np.clip(400 / len(values), 1.5, 8))),
            markeredgewidth=0,
            zorder=2.5,
            rasterized=True,  # thousands of vector points make a PDF slow to display
        )


def _draw_means(ax: Axes, summaries: Sequence[MetricSummary], places: Sequence[int]) -> None:
    means, lows, highs = np.array([(of.mean, of.low, of.high) for of in summaries]).T
    known = np.isfinite(lows)
    ax.hlines(np.array(places)[known], lows[known], highs[known], color="0.1", linewidth=1.6, zorder=3)
    look: dict[str, Any] = {"marker": "D", "markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.6}
    ax.plot(means, places, color="0.1", linestyle="", zorder=3.1, **look)


def _print_mean(ax: Axes, mean: float, place: int, info: MetricInfo) -> None:
    """Print the mean at the panel's right edge."""
    look: dict[str, Any] = {"ha": "right", "va": "center", "size": "small", "color": "0.25"}
    ax.text(1.15, place, info.format(mean), transform=ax.get_yaxis_transform(), **look)


def scores_by_nfe(analysis: Analysis) -> Figure | None:
    """Means with their intervals against network calls per recording: a line per method over its steps.

    A method with a single NFE is a point. A method without network calls (``noisy``, precomputed files) is a
    horizontal line.

    Returns:
        None if no method with a value calls a network.
    """
    calling = [summary for summary in analysis.summaries if summary.nfe > 0]
    names = [name for name in analysis.shown if any(summary.metrics[name].n for summary in calling)]
    if not names:
        return None
    looks = _looks(analysis.summaries)
    with figures.style():
        figure, panels = figures.panels(len(names), width=3.3, height=2.7)
        for ax, name in zip(panels, names, strict=True):
            _calls_axis(ax, [summary.nfe for summary in calling if summary.metrics[name].n])
            for method, look in looks.items():
                part = [s for s in analysis.summaries if s.system.method == method and s.metrics[name].n]
                _draw_method(ax, part, name, look)
            ax.set(xlabel="network calls per recording (NFE)", ylabel=analysis.metrics[name].heading)
        handles = [Line2D([], [], label=figures.plain(method), **look) for method, look in looks.items()]
        figures.finish(figure, analysis, handles, _CALLS_NOTE.format(interval=figures.interval(analysis)))
    return figure


def _looks(summaries: Sequence[Summary]) -> dict[str, dict[str, Any]]:
    """Each method's colour, marker and line style: the same in every panel and distinguishable without colour."""
    palette = figures.colours(summary.system.paradigm for summary in summaries)
    levels, markers = cycle(_LEVELS), cycle(figures.MARKERS)
    looks: dict[str, dict[str, Any]] = {}
    for summary in summaries:
        method = summary.system.method
        costs = len({other.nfe for other in summaries if other.system.method == method and other.nfe > 0})
        if method not in looks:
            looks[method] = {
                "color": palette[summary.system.paradigm],
                "marker": next(markers) if costs else "",
                "linestyle": next(levels) if costs == 0 else "" if costs == 1 else "-",
            }
    return looks


def _draw_method(ax: Axes, part: Sequence[Summary], name: str, look: Mapping[str, Any]) -> None:
    """One method's means over its steps, by increasing NFE."""
    if not any(summary.nfe > 0 for summary in part):
        for summary in part:
            level = summary.metrics[name].mean
            ax.axhline(level, color=look["color"], linestyle=look["linestyle"], linewidth=1.2, zorder=1)
        return
    part = sorted((summary for summary in part if summary.nfe > 0), key=lambda summary: summary.nfe)
    ax.plot([s.nfe for s in part], [s.metrics[name].mean for s in part], markersize=5, linewidth=1.5, zorder=3, **look)
    for summary in part:
        ends = (summary.metrics[name].low, summary.metrics[name].high)
        if np.isfinite(ends).all():
            ax.plot((summary.nfe, summary.nfe), ends, color=look["color"], linewidth=1.2, alpha=0.7, zorder=2)


def _calls_axis(ax: Axes, calls: Sequence[float]) -> None:
    """A logarithmic axis with ticks at 1, 2, 5, 10, 20, ..., or at the given NFE if fewer than two of these fit."""
    low, high = min(calls) / 1.25, max(calls) * 1.25
    ticks = [lead * 10**power for power in range(7) for lead in (1, 2, 5) if low <= lead * 10**power <= high]
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else sorted(set(calls))))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _tint(colour: str) -> tuple[float, ...]:
    """``colour`` mixed with white, 1 to 3."""
    return tuple(0.75 + 0.25 * part for part in to_rgb(colour))
