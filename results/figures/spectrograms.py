"""Figs. 2, 3, 7 and 8: spectrograms side by side on one scale of colours, and where two differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.core.types import Audio
from results.figures import page
from results.plots.figures import plain
from results.report.sheet import spectrogram

RANGE = 60.0
"""Decibels below the loudest that the colours span; differences span a quarter of it, both ways."""


@dataclass(frozen=True)
class Signal:
    """A panel: a signal, or, with ``than``, by how many decibels its spectrogram lies above another's."""

    title: str
    samples: Audio
    than: Audio | None = None


@dataclass(frozen=True)
class Panel:
    """What is drawn: decibels ``[frequencies, times]``, relative to the loudest of all, or a difference."""

    title: str
    decibels: NDArray[np.float64]
    difference: bool


def panels(signals: Sequence[Signal], sample_rate: int) -> list[Panel]:
    """The spectrograms, floored at ``RANGE`` below the loudest point of all.

    Differences are taken of floored spectrograms, so that silence against silence is no difference.
    """
    plainly = [signal.samples for signal in signals]
    top = max(float(spectrogram(samples, sample_rate).max()) for samples in plainly)

    def floored(samples: Audio) -> NDArray[np.float64]:
        return np.maximum(spectrogram(samples, sample_rate) - top, -RANGE)

    return [
        Panel(signal.title, floored(signal.samples), difference=False)
        if signal.than is None
        else Panel(signal.title, floored(signal.samples) - floored(signal.than), difference=True)
        for signal in signals
    ]


def draw(signals: Sequence[Signal], sample_rate: int, width: str = "column") -> Figure:
    """Two panels in a line, or four on a page's width; time in seconds, frequency in kHz, levels in dB."""
    found = panels(signals, sample_rate)
    seconds = signals[0].samples.size / sample_rate
    columns = min(len(found), 2 if width == "column" else 4)
    lines = math.ceil(len(found) / columns)
    with page.style():
        shared = any(panel.difference for panel in found)
        figure = page.blank(width, 0.35 + 1.2 * lines + 0.35 * shared)
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flatten()
        for ax in axes[len(found) :]:
            ax.remove()
        drawn = {}
        for ax, panel in zip(axes, found, strict=False):
            limits = (-RANGE / 4, RANGE / 4) if panel.difference else (-RANGE, 0)
            drawn[panel.difference] = ax.imshow(
                panel.decibels,
                **{"origin": "lower", "aspect": "auto", "cmap": "PuOr_r" if panel.difference else "inferno"},
                **{"vmin": limits[0], "vmax": limits[1], "interpolation": "nearest", "rasterized": True},
                extent=(0, seconds, 0, sample_rate / 2000),
            )
            ax.set_title(plain(panel.title), pad=2)
            ax.grid(visible=False)
        used = axes[: len(found)]
        for place, ax in enumerate(used):
            if place % columns == 0:
                ax.set_ylabel("kHz")
            if place // columns == lines - 1:
                ax.set_xlabel("s")
        for difference, image in drawn.items():
            where: dict[str, Any] = (
                {"location": "bottom", "label": "difference (dB)"} if difference else {"label": "dB"}
            )
            bar = figure.colorbar(image, ax=list(used), pad=0.01, aspect=30, **where)
            bar.outline.set_visible(False)  # type: ignore[operator]
    return figure
