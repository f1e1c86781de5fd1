"""Log-spectral distance, in dB: how far two spectra lie apart, frame by frame; 0 where they are equal.

Gray and Markel, "Distance Measures for Speech Processing", IEEE TASSP 1976: the root mean square over frequency
of the difference of the log power spectra; the mean over frames.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import METRICS, Clip, Metric

WINDOW, HOP = 512, 128
RANGE = 80.0
"""Power more than so many dB below the clean recording's highest is raised to that: silence has no logarithm."""


@METRICS.register("lsd")
class LogSpectralDistance(Metric):
    """Frames of 32 ms, 8 ms apart, at 16 kHz; a wrong gain counts."""

    label = "LSD"
    unit = "dB"
    higher_is_better = False
    low = 0.0
    sample_rate = 16000

    def compute(self, clip: Clip) -> float:
        clean, enhanced = power(clip.reference), power(clip.enhanced)
        floor = clean.max() * 10 ** (-RANGE / 10)
        distance = 10 * np.log10(np.maximum(enhanced, floor) / np.maximum(clean, floor))
        return float(np.sqrt(np.mean(distance**2, axis=1)).mean())

    def settings(self) -> Mapping[str, str]:
        return {"frames": f"{WINDOW} samples, {HOP} apart", "range": f"{RANGE:g} dB"}


def power(signal: Audio) -> NDArray[np.float64]:
    """Power spectra ``[frames, 257]`` under a Hann window; zeros around the signal, so that every sample counts."""
    padded = np.pad(signal.astype(np.float64), (WINDOW // 2, WINDOW // 2 + -signal.size % HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1])) ** 2)
