"""Weighted spectral slope distance of two signals, mean over frames, no unit; 0 for equal spectra.

Klatt, "Prediction of Perceived Phonetic Distance from Critical-Band Spectra", ICASSP 1982, in the form of Hu
and Loizou, "Evaluation of Objective Quality Measures for Speech Enhancement", 2008.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from metrics.base import Clip, Metric
from metrics.intrusive.frames import SILENCE, Frames, framed_pair, trimmed_mean

CENTRES = np.array(
    [
        *(50.0, 120.0, 190.0, 260.0, 330.0, 400.0, 470.0, 540.0, 617.372, 703.378, 798.717, 904.128, 1020.38),
        *(1148.30, 1288.72, 1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63),
    ]
)
WIDTHS = np.array(
    [
        *(70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914),
        *(140.423, 153.823, 168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136),
    ]
)
"""Of the 25 critical bands, in Hz."""

K_MAX, K_LOCAL = 20.0, 1.0
"""Klatt's constants: how fast a band's weight falls with its distance in dB from the frame's highest peak, and from
the nearest one.
"""


class WeightedSpectralSlope(Metric):
    """Mean of the lowest 95 % of the frames."""

    label = "WSS"
    higher_is_better = False
    low = 0.0
    sample_rate = 16000

    native_rates = (8000,)
    revision = 2

    def compute(self, clip: Clip) -> float:
        return trimmed_mean(wss(*framed_pair(clip), clip.sample_rate))

    def settings(self) -> Mapping[str, str]:
        return {"band": "50-3600 Hz", "mean": "lowest 95 %", "silence": SILENCE}


def wss(clean: Frames, enhanced: Frames, sample_rate: int) -> NDArray[np.float64]:
    """The distance of every frame, ``[frames]``."""
    ours, theirs = (band_levels(frames, sample_rate) for frames in (clean, enhanced))
    weights = (_weights(ours) + _weights(theirs)) / 2
    slopes = np.diff(ours) - np.diff(theirs)
    return np.asarray((weights * slopes**2).sum(axis=1) / weights.sum(axis=1))


def band_levels(frames: Frames, sample_rate: int) -> NDArray[np.float64]:
    """Level in dB of each critical band, floor -100 dB, ``[frames, 25]``."""
    size = 2 ** int(np.ceil(np.log2(2 * frames.shape[1])))
    power = np.abs(np.fft.rfft(frames, size))[:, :-1] ** 2
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power @ critical_bands(size // 2, sample_rate).T, 1e-10))
    return levels


def critical_bands(bins: int, sample_rate: int) -> NDArray[np.float64]:
    """Gaussian filters of equal area, zero below -30 dB, ``[25, bins]``."""
    per_hertz = bins / (sample_rate / 2)
    distance = np.arange(bins) - np.floor(CENTRES * per_hertz)[:, None]
    filters = np.exp(-11 * (distance / (WIDTHS * per_hertz)[:, None]) ** 2) * (WIDTHS[0] / WIDTHS)[:, None]
    return np.asarray(np.where(filters > np.exp(-30 / (2 * 2.303)), filters, 0))


def _weights(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the slope above each band but the last: high near the frame's highest peak and near a local one."""
    below = levels[:, :-1]
    highest = levels.max(axis=1, keepdims=True)
    return np.asarray(K_MAX / (K_MAX + highest - below) * K_LOCAL / (K_LOCAL + _local_peaks(levels) - below))


def _local_peaks(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The level where the slope that starts at each band ends: uphill to the right, or back to the left.

    As in the published code, uphill ends one band before the top.
    """
    rising = np.diff(levels) > 0
    peaks = levels[:, :-1].copy()
    for band in range(rising.shape[1] - 2, -1, -1):
        on = rising[:, band] & rising[:, band + 1]
        peaks[on, band] = peaks[on, band + 1]
    for band in range(1, rising.shape[1]):
        on = ~rising[:, band] & ~rising[:, band - 1]
        peaks[on, band] = peaks[on, band - 1]
    return peaks
