"""The scale that a score lies on, and the transform under which its mean scatters alike wherever it lies.

Near the end of a scale a mean cannot scatter freely: an interval that is symmetric in the score's own unit reaches
beyond the end and covers too seldom on the other side. On a scale with two ends the mean is therefore taken to
its logit ``log((x - low) / (high - x))``, with one end to ``log(x - low)``, and without ends left as it is;
the interval is computed there and taken back. Standard errors are carried over by the delta method,
``se(g(x)) = g'(x) se(x)`` (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """The least and the greatest score of each column, infinite where there is none.

    Attributes:
        low, high: ``[columns]``, or one for all of them.
        answers: whether a score is an answer out of few (right or wrong, one of two preferred) or a share of such
            answers: then units that all agree are no proof that others would.
    """

    low: Array | float = -np.inf
    high: Array | float = np.inf
    answers: bool = False

    @staticmethod
    def of(low: float | None, high: float | None) -> Scale:
        """With None for an end that is not there."""
        return Scale(-np.inf if low is None else low, np.inf if high is None else high)

    def differences(self) -> Scale:
        """That of one score less another."""
        return Scale(np.subtract(self.low, self.high), np.subtract(self.high, self.low), self.answers)

    def bends(self, x: Array) -> NDArray[np.bool_]:
        """Where there is an end to keep, and ``x`` lies between the ends: else the transform is not used."""
        inside = (np.asarray(self.low) < x) & (x < self.high)
        return np.asarray(inside & (np.isfinite(self.low) | np.isfinite(self.high)))

    def outward(self, x: Array) -> Array:
        """``g(x)`` of what lies between the ends."""
        with np.errstate(invalid="ignore", divide="ignore"):
            below = np.where(np.isfinite(self.low), np.log(x - self.low), 0.0)
            above = np.where(np.isfinite(self.high), np.log(self.high - x), 0.0)
        return np.asarray(np.where(self.bends(x), below - above, x))

    def slope(self, x: Array) -> Array:
        """``g'(x)``."""
        with np.errstate(divide="ignore", invalid="ignore"):
            steep = 1 / (x - self.low) + 1 / (self.high - x)  # an end that is infinitely far adds nothing
        return np.asarray(np.where(self.bends(x), steep, 1.0))

    def inward(self, y: Array) -> Array:
        """The inverse of ``outward``."""
        low, high = np.broadcast_to(self.low, y.shape), np.broadcast_to(self.high, y.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            both = low + (high - low) * special.expit(y)
            one = np.where(np.isfinite(low), low + np.exp(y), high - np.exp(-y))
        ends = np.isfinite(low).astype(int) + np.isfinite(high)
        return np.asarray(np.choose(ends, [y, one, both]))

    def clipped(self, x: Array) -> Array:
        """``x``, or the end that it is beyond."""
        return np.asarray(np.clip(x, self.low, self.high))

    def tells_nothing(self, low: Array, high: Array) -> NDArray[np.bool_]:
        """Whether an interval leaves nearly the whole scale possible; of one with a single end, orders of magnitude."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (high - low) / np.subtract(self.high, self.low)
            ratio = np.where(
                np.isfinite(self.low), (high - self.low) / (low - self.low), (self.high - low) / (self.high - high)
            )
        one_end = np.isfinite(self.low) ^ np.isfinite(self.high)
        return np.asarray(np.where(one_end, (low < high) & (ratio > FAR), share > WHOLE))

    def unanimous(self, value: Array, units: NDArray[np.intp], confidence: float) -> tuple[Array, Array]:
        """What the mean may be where all ``units`` agree on ``value``.

        The exact binomial bound on how many others would not agree (Clopper and Pearson, Biometrika 26, 1934), who
        might say anything on the scale.
        """
        agree = ((1 - confidence) / 2) ** (1 / np.maximum(units, 1))
        return np.asarray(agree * value + (1 - agree) * self.low), np.asarray(agree * value + (1 - agree) * self.high)


UNBOUNDED = Scale()

WHOLE = 0.95
"""Of a scale with two ends: an interval as wide as this says too little to be printed."""

FAR = 100.0
"""Times as far from the end of a scale with one end, likewise."""
