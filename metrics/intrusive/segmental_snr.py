"""Segmental signal-to-noise ratios, in dB: the mean over short frames, each limited to -10 to 35 dB.

Plain (Hansen and Pellom, "An Effective Quality Evaluation Protocol for Speech Enhancement Algorithms", 1998), and
weighted over frequency (Hu and Loizou, "Evaluation of Objective Quality Measures for Speech Enhancement", 2008).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from metrics.base import Clip, Metric
from metrics.intrusive.frames import SILENCE, Frames, framed_pair
from metrics.intrusive.wss import critical_bands

LOWEST, HIGHEST = -10.0, 35.0
TINY = np.finfo(np.float64).eps


class SegmentalSnr(Metric):
    """Frames of 30 ms; every difference from the clean speech counts as noise, a gain included."""

    label = "SSNR"
    unit = "dB"
    low, high = LOWEST, HIGHEST
    sample_rate = 16000

    native_rates = (8000,)
    revision = 2

    def compute(self, clip: Clip) -> float:
        return float(segmental_snr(*framed_pair(clip)).mean())

    def settings(self) -> Mapping[str, str]:
        return {"frames": "30 ms", "limits": f"{LOWEST:g} to {HIGHEST:g} dB", "silence": SILENCE}


class FrequencyWeightedSegmentalSnr(SegmentalSnr):
    """In 25 critical bands of amplitude spectra of equal area, weighted by the clean speech's to the power 0.2."""

    label = "fwSSNR"

    def compute(self, clip: Clip) -> float:
        return float(weighted_snr(*framed_pair(clip), clip.sample_rate).mean())

    def settings(self) -> Mapping[str, str]:
        return {**super().settings(), "band": "50-3600 Hz", "weights": "power 0.2"}


def segmental_snr(clean: Frames, enhanced: Frames) -> NDArray[np.float64]:
    """Of every frame, ``[frames]``."""
    speech, noise = np.square(clean).sum(axis=1), np.square(clean - enhanced).sum(axis=1)
    return np.asarray(np.clip(10 * np.log10(speech / (noise + TINY) + TINY), LOWEST, HIGHEST))


def weighted_snr(clean: Frames, enhanced: Frames, sample_rate: int) -> NDArray[np.float64]:
    """Of every frame, ``[frames]``: a mean over bands of the clean amplitude against the difference of the two."""
    ours, theirs = (np.maximum(_band_amplitudes(frames, sample_rate), TINY) for frames in (clean, enhanced))
    ratios = 10 * np.log10(ours**2 / np.maximum((ours - theirs) ** 2, TINY))
    weights = ours**0.2
    return np.asarray(np.clip((weights * ratios).sum(axis=1) / weights.sum(axis=1), LOWEST, HIGHEST))


def _band_amplitudes(frames: Frames, sample_rate: int) -> NDArray[np.float64]:
    """``[frames, 25]``, spectra of area 1, so that their level does not count."""
    size = 2 ** int(np.ceil(np.log2(2 * frames.shape[1])))
    spectrum = np.abs(np.fft.rfft(frames, size))[:, :-1]
    spectrum /= np.maximum(spectrum.sum(axis=1, keepdims=True), TINY)
    return np.asarray(spectrum @ critical_bands(size // 2, sample_rate).T)
