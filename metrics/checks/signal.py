"""A signal with what several checks ask of it, computed once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio


class Signal:
    """A signal at ``sample_rate`` Hz, which is not changed from then on.

    Attributes:
        samples, wide: ``[samples]``, in float32, and in float64.
        energy: the sum of squares; 0 exactly if all samples are, as no square of a float32 vanishes in float64.
        low, high: the lowest and the highest sample; 0 where there is none.
    """

    def __init__(self, samples: Audio, sample_rate: int) -> None:
        self.samples, self.sample_rate = samples, sample_rate
        self.wide: NDArray[np.float64] = samples.astype(np.float64)
        self.energy = float((self.wide**2).sum())
        self.low, self.high = (float(samples.min()), float(samples.max())) if samples.size else (0.0, 0.0)

    @property
    def finite(self) -> bool:
        """Whether no sample is NaN or infinite: the energy is then, and no float32 is too large for it."""
        return math.isfinite(self.energy)

    @property
    def level(self) -> float:
        """The root mean square in dB of full scale."""
        return decibels(self.energy / self.samples.size)


def decibels(power: float) -> float:
    """Of a power, down to -300 dB."""
    return 10 * math.log10(max(power, 1e-30))
