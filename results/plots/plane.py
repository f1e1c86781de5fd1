"""SI-SIR against SI-SAR: residual noise against artefacts."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results.plots import figures
from results.statistics.analysis import Analysis

_NOTE = (
    "points: recordings; large: mean, with {interval}; dashed: equal SI-SDR\n"
    "right: less noise left; up: fewer artefacts made"
)


def noise_artefact_plane(analysis: Analysis) -> Figure | None:
    """SI-SIR against SI-SAR in dB, a point per recording and system; None unless both were scored.

    Noise and artefact are orthogonal parts of the error, so their energies relative to the speech add up to the
    total error energy (Le Roux, Wisdom, Erdogan, Hershey, "SDR - Half-baked or Well Done?", ICASSP 2019).
    """
    axes = [_called(analysis, name) for name in ("si_sir", "si_sar")]
    if None in axes:
        return None
    sir, sar = (str(name) for name in axes)
    palette = figures.colours(system.paradigm for system in analysis.panel.systems)
    handles = []
    with figures.style():
        figure, (ax,) = figures.panels(1, width=5.2, height=4.2)
        for number, (system, summary) in enumerate(zip(analysis.panel.systems, analysis.summaries, strict=True)):
            across, up = summary.metrics[sir], summary.metrics[sar]
            if not (across.n and up.n):
                continue
            look: dict[str, Any] = {
                "color": palette[system.paradigm],
                "marker": figures.MARKERS[number % len(figures.MARKERS)],
            }
            values = (analysis.panel.scores[name].clips[number] for name in (sir, sar))
            ax.plot(*values, linestyle="", markersize=2.5, alpha=0.25, markeredgewidth=0, **look)
            for ends, level, flat in ((across, up.mean, True), (up, across.mean, False)):
                line = ((ends.low, ends.high), (level, level))
                ax.plot(*(line if flat else line[::-1]), color=look["color"], linewidth=1.2)
            ax.plot(across.mean, up.mean, linestyle="", markersize=7, markeredgecolor="white", zorder=4, **look)
            handles.append(Line2D([], [], linestyle="", label=figures.label(system), **look))
        _equal_sdr(ax)
        ax.set(xlabel=analysis.metrics[sir].heading, ylabel=analysis.metrics[sar].heading)
        figures.finish(figure, analysis, handles, _NOTE.format(interval=figures.interval(analysis)))
    return figure


def _equal_sdr(ax: Axes) -> None:
    """Contours of 10^(-SDR/10) = 10^(-SIR/10) + 10^(-SAR/10)."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    sdr = -10 * np.log10(10 ** (-x / 10) + 10 ** (-y / 10))
    levels = np.arange(np.floor(sdr.min() / 5) * 5, sdr.max() + 5, 5)
    contours = ax.contour(x, y, sdr, levels=levels, colors="0.75", linewidths=0.7, linestyles="dashed", zorder=0)
    ax.clabel(contours, fmt="%g dB", fontsize="x-small", colors="0.5")


def _called(analysis: Analysis, name: str) -> str | None:
    """The first shown metric with this label or registered name, or None."""
    return next((metric for metric in analysis.shown if name in (metric, analysis.metrics[metric].name)), None)
