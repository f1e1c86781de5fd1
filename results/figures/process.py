"""Fig. 1: the forward process from clean to noisy speech, and the reverse process back, of one coefficient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from results.figures import page
from results.plots.figures import COLOURS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Process:
    """One direction of a diffusion process between a clean value 0 and a noisy value 1.

    Attributes:
        title: of the panel.
        t: ``[times]``, from 0 to 1, or back.
        mean, std: ``[times]``, of the state.
        samples: ``[trajectories, times]``; none for a path that has no drift to simulate.
    """

    title: str
    t: Array
    mean: Array
    std: Array
    samples: Array


def draw(forward: Process, reverse: Process, width: str = "column") -> Figure:
    """Both processes: mean, one standard deviation around it, and some trajectories."""
    with page.style():
        figure = page.blank(width, 1.9)
        axes = figure.subplots(1, 2, sharey=True)
        for ax, process in zip(axes, (forward, reverse), strict=True):
            _panel(ax, process)
        axes[0].set_ylabel("state (clean 0, noisy 1)")
        axes[1].invert_xaxis()
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _panel(ax: Axes, process: Process) -> None:
    colour = COLOURS["predictive"]
    band: dict[str, Any] = {"color": colour, "alpha": 0.18, "linewidth": 0}
    ax.fill_between(process.t, process.mean - process.std, process.mean + process.std, label="± 1 std", **band)
    for number, sample in enumerate(process.samples):
        look: dict[str, Any] = {"color": COLOURS["generative"], "linewidth": 0.5, "alpha": 0.8}
        ax.plot(process.t, sample, label="trajectories" if number == 0 else None, **look)
    ax.plot(process.t, process.mean, color=colour, linewidth=1.3, label="mean")
    for level in (0.0, 1.0):
        ax.axhline(level, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    ax.set(title=process.title, xlabel="t", xlim=(0, 1))
