"""Mel-cepstral distortion, in dB: the distance of two spectral envelopes, 0 for equal ones.

Kubichek, "Mel-Cepstral Distance Measure for Objective Speech Quality Assessment", 1993: 10 sqrt(2) / ln 10 times
the Euclidean distance of the mel cepstra without their energy term; the mean over frames. Enhancement
keeps the time axis, so frames are compared without dynamic time warping.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from metrics.base import Clip, Metric
from metrics.intrusive.frames import SILENCE, holds_signal
from metrics.intrusive.lsd import FRAMES, RANGE, WINDOW, padded_frames, power

BANDS, COEFFICIENTS = 40, 24


class MelCepstralDistortion(Metric):
    """Coefficients 1 to 24 of 40 mel bands up to 8 kHz, frames of 32 ms, 8 ms apart, without those in which the
    clean speech is digital silence. A gain does not change the value.
    """

    label = "MCD"
    unit = "dB"
    higher_is_better = False
    low = 0.0
    sample_rate = 16000
    revision = 2

    def compute(self, clip: Clip) -> float:
        kept = holds_signal(padded_frames(clip.reference, clip.sample_rate))
        difference = _cepstra(power(clip.enhanced, clip.sample_rate)[kept])
        difference -= _cepstra(power(clip.reference, clip.sample_rate)[kept])
        return float(10 * np.sqrt(2) / np.log(10) * np.linalg.norm(difference, axis=1).mean())

    def settings(self) -> Mapping[str, str]:
        return {
            "cepstra": f"1 to {COEFFICIENTS} of {BANDS} mel bands",
            "frames": FRAMES,
            "range": f"{RANGE:g} dB",
            "silence": SILENCE,
        }


def _cepstra(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    """``c_k = 2 / B sum_b ln|X_b| cos(k (b + 1/2) pi / B)`` of amplitudes in B bands, k from 1: ``[frames, 24]``."""
    bands = spectra @ _filters().T
    logarithms = 0.5 * np.log(np.maximum(bands, bands.max() * 10 ** (-RANGE / 10)))
    return np.asarray(dct(logarithms, type=2, axis=1)[:, 1 : COEFFICIENTS + 1] / BANDS)


@cache
def _filters() -> NDArray[np.float64]:
    from librosa.filters import mel

    return np.asarray(mel(sr=16000, n_fft=round(WINDOW * 16000), n_mels=BANDS, htk=True, norm=None, dtype=np.float64))
