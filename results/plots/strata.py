"""Each metric by the values of a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results.plots import figures
from results.statistics.analysis import Analysis
from results.views.strata import Stratum


def scores_by_stratum(analysis: Analysis, strata: Sequence[Stratum]) -> Figure | None:
    """One tag's strata: means with intervals, a line per system; None if there is nothing to draw."""
    names = [name for name in analysis.shown if any(of.n for stratum in strata for of in stratum.metrics[name])]
    if not names:
        return None
    systems = analysis.panel.systems
    palette = figures.colours(system.paradigm for system in systems)
    looks: list[dict[str, Any]] = [
        {"color": palette[system.paradigm], "marker": figures.MARKERS[number % len(figures.MARKERS)]}
        for number, system in enumerate(systems)
    ]
    shifts = np.linspace(-0.25, 0.25, len(systems)) if len(systems) > 1 else np.zeros(1)
    with figures.style():
        figure, panels = figures.panels(len(names), width=1.2 + 0.55 * len(strata), height=2.6)
        for ax, name in zip(panels, names, strict=True):
            for number, (look, shift) in enumerate(zip(looks, shifts, strict=True)):
                of_metric = [stratum.metrics[name][number] for stratum in strata]
                places = np.arange(len(strata)) + shift
                ax.plot(places, [of.mean for of in of_metric], markersize=4, linewidth=0.8, zorder=3, **look)
                ends = np.array([(of.low, of.high) for of in of_metric])
                known = np.isfinite(ends).all(axis=1)
                ax.vlines(places[known], *ends[known].T, color=look["color"], linewidth=1, alpha=0.6)
            counts = (f"{figures.plain(stratum.value)}\n({len(stratum.panel.clips)})" for stratum in strata)
            ax.set_xticks(range(len(strata)), list(counts), size="small")
            ax.set(xlabel=figures.plain(strata[0].tag), ylabel=analysis.metrics[name].heading)
            ax.grid(visible=False, axis="x")
            low, high = score_range(strata, name)
            ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        handles = [
            Line2D([], [], label=figures.label(system), **look) for system, look in zip(systems, looks, strict=True)
        ]
        note = f"mean, with {100 * analysis.options.confidence:g} % interval; in brackets: recordings"
        figures.finish(figure, analysis, handles, note)
    return figure


def score_range(strata: Sequence[Stratum], metric: str) -> tuple[float, float]:
    """The range of means and intervals, limited to the range of the scores: intervals of few recordings can be huge."""
    ends = [end for stratum in strata for of in stratum.metrics[metric] for end in (of.mean, of.low, of.high)]
    values = np.concatenate([stratum.panel.scores[metric].clips.ravel() for stratum in strata])
    low, high = max(np.nanmin(ends), np.nanmin(values)), min(np.nanmax(ends), np.nanmax(values))
    return (float(low), float(high)) if high > low else (float(low) - 1, float(high) + 1)
