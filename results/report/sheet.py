"""A page with the players of some recordings, and their signals as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import signal

from bench.core.files import replacing
from bench.core.types import Audio
from results.plots.figures import plain
from results.report import sounds
from results.report.page import as_json, asset, policy, template
from results.report.sounds import Recording

WINDOW = 0.032
"""Seconds of a spectrogram's window."""

RANGE = 80.0
"""dB from the loudest bin of all signals down to the darkest colour."""


@dataclass(frozen=True)
class Entry:
    """A recording with its name."""

    name: str
    recording: Recording


def page(title: str, entries: Sequence[Entry], microphone: bool = False) -> str:
    """The page.

    Args:
        microphone: with a button that sends a new recording to where the page is from.
    """
    script = asset("player.js") + asset("sheet.js")
    return str(
        template("sheet.html.j2").render(
            title=title,
            policy=policy(script, connect="'self'" if microphone else "'none'"),
            style=asset("report.css"),
            script=script,
            entries=[(entry.name, as_json(sounds.encoded(entry.recording))) for entry in entries],
            microphone=microphone,
        )
    )


def write(path: Path, title: str, entries: Sequence[Entry]) -> None:
    """Write the page. Raises ``UserError`` if the file cannot be written."""
    with replacing(path) as temporary:
        temporary.write_text(page(title, entries), encoding="utf-8", errors="replace", newline="\n")


def picture(recording: Recording) -> Figure:
    """Waveform and spectrogram of every signal, one below the other: one scale of amplitudes, one of colours."""
    tracks = [(track.name, track.samples) for track in recording.tracks if track.samples is not None]
    rate = recording.sample_rate
    powers = [spectrogram(samples, rate) for _, samples in tracks]
    top = max((float(power.max()) for power in powers), default=0.0)
    peak = max((float(np.abs(samples).max()) for _, samples in tracks), default=1.0) or 1.0
    figure = Figure(figsize=(10, 0.6 + 1.7 * len(tracks)), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(tracks), 2, squeeze=False, sharex=True)
    for (wave, colours), (name, samples), power in zip(grid, tracks, powers, strict=True):
        seconds = samples.size / rate
        wave.plot(np.arange(samples.size) / rate, samples, linewidth=0.4, color="#0072B2")
        wave.set(ylim=(-peak, peak), ylabel=plain(name))
        shown = colours.imshow(
            np.maximum(power, top - RANGE) - top,
            **{"origin": "lower", "aspect": "auto", "cmap": "inferno", "vmin": -RANGE, "vmax": 0},
            extent=(0, seconds, 0, rate / 2000),
        )
        colours.set(ylabel="kHz", xlim=(0, seconds))
    for ax in grid[-1]:
        ax.set_xlabel("s")
    figure.colorbar(shown, ax=grid[:, 1], label="dB")
    return figure


def spectrogram(samples: Audio, rate: int) -> NDArray[np.float64]:
    """Power in dB, ``[frequencies, times]``, Hann windows of ``WINDOW`` at a quarter of it."""
    size = max(16, min(round(WINDOW * rate), samples.size))
    padded = np.pad(samples.astype(np.float64), (0, max(0, size - samples.size)))
    _, _, bins = signal.stft(padded, rate, window="hann", nperseg=size, noverlap=size - max(1, size // 4))
    return np.asarray(10 * np.log10(np.abs(bins) ** 2 + 1e-20))
