"""Statistical spectral enhancement without any training: log-MMSE and the Wiener filter."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch

from bench.core.types import Audio
from methods.base import Enhanced, Method
from methods.known.frames import OVERLAP, Frames
from methods.known.noise_psd import NoiseTracker, Power

NOISE_SECONDS = 0.1
"""The beginning, from which the first estimate of the noise is taken."""

DECISION_DIRECTED = 0.98
LOWEST_PRIOR_SNR = 10 ** (-25 / 10)
LARGEST_POSTERIOR_SNR = 10 ** (40 / 10)
LOWEST_POWER = 1e-12
"""Of a bin at full scale 1; digital silence has none."""


class SpectralGain(Method):
    """A gain in each bin of an STFT from the a-priori and a-posteriori SNR.

    The a-priori SNR is Ephraim and Malah's decision-directed estimate (1984, Eq. (51), weight 0.98); the noise is
    tracked by speech presence probability (``NoiseTracker``). Square-root Hann windows of 32 ms, a quarter apart.

    Args:
        floor_db: the lowest gain in dB; what is left of the noise sounds more natural than musical noise.
    """

    paradigm = "classical"

    def __init__(self, floor_db: float = -15.0) -> None:
        self._floor = 10 ** (floor_db / 20)

    @abstractmethod
    def gain(self, prior: Power, posterior: Power) -> Power:
        """The gain ``[bins]`` on amplitudes for these SNRs ``[bins]``, as power ratios."""

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        frames = Frames(sample_rate)
        spectra = frames.analyse(noisy)
        beginning = max(1, round(NOISE_SECONDS * sample_rate / frames.hop))
        gained = self._gains(np.abs(spectra) ** 2, OVERLAP - 1, beginning) * spectra
        return Enhanced(frames.synthesise(gained, noisy.size))

    def _gains(self, power: Power, first: int, beginning: int) -> Power:
        """Gains ``[frames, bins]``; frame ``first`` is the first that the recording fills."""
        power = power + LOWEST_POWER
        noise = NoiseTracker(power[first : first + beginning].mean(axis=0))
        gains, speech = np.empty_like(power), np.zeros(power.shape[1])
        for frame, periodogram in enumerate(power):
            variance = noise.power if frame < first else noise.update(periodogram)
            posterior = np.minimum(periodogram / variance, LARGEST_POSTERIOR_SNR)
            prior = DECISION_DIRECTED * speech / variance + (1 - DECISION_DIRECTED) * np.maximum(posterior - 1, 0)
            gains[frame] = np.maximum(self.gain(np.maximum(prior, LOWEST_PRIOR_SNR), posterior), self._floor)
            speech = gains[frame] ** 2 * periodogram
        return np.minimum(gains, 1.0)

    def provenance(self) -> dict[str, Any]:
        return {"floor_db": 20 * float(np.log10(self._floor))}


class LogMMSE(SpectralGain):
    """Y. Ephraim, D. Malah, "Speech enhancement using a minimum mean-square error log-spectral amplitude estimator",
    IEEE TASSP 33(2), 1985, Eq. (20).
    """

    def gain(self, prior: Power, posterior: Power) -> Power:
        from scipy.special import exp1

        wiener = prior / (1 + prior)
        gain: Power = wiener * np.exp(0.5 * exp1(np.maximum(wiener * posterior, 1e-10)))
        return gain


class Wiener(SpectralGain):
    """The Wiener filter with the decision-directed a-priori SNR: P. Scalart, J. Filho, "Speech enhancement based on a
    priori signal to noise estimation", ICASSP 1996.
    """

    def gain(self, prior: Power, posterior: Power) -> Power:
        return prior / (1 + prior)
