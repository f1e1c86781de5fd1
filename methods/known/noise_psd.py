"""The noise's power spectrum, tracked through speech by its presence probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Power = NDArray[np.float64]

PRIOR_SNR = 10 ** (15 / 10)
"""The SNR that speech is assumed to have where it is present, 15 dB in Gerkmann & Hendriks 2012."""

SMOOTHING = 0.8
PRESENCE_SMOOTHING = 0.9
LARGEST_PRESENCE = 0.99


class NoiseTracker:
    """The MMSE estimate with a fixed prior SNR of T. Gerkmann, R. Hendriks, "Unbiased MMSE-Based Noise Power Estimation
    With Low Complexity and Low Tracking Delay", IEEE TASLP 20(4), 2012, Eqs. (18) and (22).

    Args:
        start: power ``[bins]`` of what is taken for noise alone at the beginning.
    """

    def __init__(self, start: Power) -> None:
        self.power = start.copy()
        self._presence = np.zeros_like(start)

    def update(self, periodogram: Power) -> Power:
        """The noise's power ``[bins]`` after a frame with this power."""
        ratio = periodogram / self.power
        presence = 1 / (1 + (1 + PRIOR_SNR) * np.exp(-np.minimum(ratio * PRIOR_SNR / (1 + PRIOR_SNR), 200.0)))
        self._presence = PRESENCE_SMOOTHING * self._presence + (1 - PRESENCE_SMOOTHING) * presence
        # Speech that seems to be there for ever is noise that has become louder.
        stuck = self._presence > LARGEST_PRESENCE
        presence[stuck] = np.minimum(presence[stuck], LARGEST_PRESENCE)
        estimate = (1 - presence) * periodogram + presence * self.power
        self.power = SMOOTHING * self.power + (1 - SMOOTHING) * estimate
        return self.power
