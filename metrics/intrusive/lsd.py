"""Log-spectral distance, in dB, 0 for equal spectra.

Gray and Markel, "Distance Measures for Speech Processing", IEEE TASSP 1976: the root mean square over frequency
of the difference of the log power spectra; the mean over frames.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Clip, Metric
from metrics.intrusive.frames import SILENCE, holds_signal

WINDOW, HOP = 0.032, 0.008
"""Length and distance of frames, in seconds."""

FRAMES = f"{1000 * WINDOW:g} ms, {1000 * HOP:g} ms apart"

RANGE = 80.0
"""Lower limit of power, in dB below the clean recording's highest: the logarithm of silence is infinite."""


class LogSpectralDistance(Metric):
    """Frames of 32 ms, 8 ms apart, without those in which the clean speech is digital silence. A gain changes the
    value.
    """

    label = "LSD"
    unit = "dB"
    higher_is_better = False
    low = 0.0
    sample_rate = 16000
    native_rates = (8000,)
    revision = 2

    def compute(self, clip: Clip) -> float:
        kept = holds_signal(padded_frames(clip.reference, clip.sample_rate))
        clean, enhanced = (power(signal, clip.sample_rate)[kept] for signal in (clip.reference, clip.enhanced))
        floor = clean.max() * 10 ** (-RANGE / 10)
        distance = 10 * np.log10(np.maximum(enhanced, floor) / np.maximum(clean, floor))
        return float(np.sqrt(np.mean(distance**2, axis=1)).mean())

    def settings(self) -> Mapping[str, str]:
        return {"frames": FRAMES, "range": f"{RANGE:g} dB", "silence": SILENCE}


def power(signal: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Power spectra ``[frames, bins]`` under a Hann window, bins 31.25 Hz apart."""
    frames = padded_frames(signal, sample_rate)
    return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1] + 1)[:-1])) ** 2)


def padded_frames(signal: Audio, sample_rate: int) -> NDArray[np.float64]:
    """``[frames, samples]`` without a window; zeros around the signal, so that every sample counts."""
    window, hop = round(WINDOW * sample_rate), round(HOP * sample_rate)
    padded = np.pad(signal.astype(np.float64), (window // 2, window // 2 + -signal.size % hop))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
