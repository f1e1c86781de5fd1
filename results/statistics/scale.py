"""The range of a score, and the transform in which intervals of its mean are computed.

Near the end of a bounded scale, an interval that is symmetric in the score's unit reaches beyond the end and covers
too seldom on the other side. With two ends the mean is therefore transformed to its logit
``log((x - low) / (high - x))``, with one end to ``log(x - low)``, and without ends not at all. The interval is
computed there and transformed back. Standard errors are transformed by the delta method,
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
    """The lowest and the highest possible score of each column, infinite where there is no bound.

    Attributes:
        low, high: ``[columns]``, or one value for all columns.
        answers: whether a score is one of few answers (right or wrong, one of two preferred) or a share of such
            answers. Agreement of all units then does not mean an interval of zero width (``unanimous``).
    """

    low: Array | float = -np.inf
    high: Array | float = np.inf
    answers: bool = False

    @staticmethod
    def of(low: float | None, high: float | None) -> Scale:
        """A scale from ``low`` to ``high``; None where there is no bound."""
        return Scale(-np.inf if low is None else low, np.inf if high is None else high)

    def differences(self) -> Scale:
        """The scale of the difference of two scores."""
        return Scale(np.subtract(self.low, self.high), np.subtract(self.high, self.low), self.answers)

    def bends(self, x: Array) -> NDArray[np.bool_]:
        """Where the transform is used: the scale has a bound, and ``x`` lies strictly inside."""
        inside = (np.asarray(self.low) < x) & (x < self.high)
        return np.asarray(inside & (np.isfinite(self.low) | np.isfinite(self.high)))

    def outward(self, x: Array) -> Array:
        """The transform ``g(x)``; ``x`` itself where it is not used."""
        with np.errstate(invalid="ignore", divide="ignore"):
            below = np.where(np.isfinite(self.low), np.log(x - self.low), 0.0)
            above = np.where(np.isfinite(self.high), np.log(self.high - x), 0.0)
        return np.asarray(np.where(self.bends(x), below - above, x))

    def slope(self, x: Array) -> Array:
        """The derivative ``g'(x)``; 1 where the transform is not used."""
        with np.errstate(divide="ignore", invalid="ignore"):
            steep = 1 / (x - self.low) + 1 / (self.high - x)  # an infinite bound adds nothing
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
        """``x``, limited to the scale."""
        return np.asarray(np.clip(x, self.low, self.high))

    def tells_nothing(self, low: Array, high: Array) -> NDArray[np.bool_]:
        """Whether an interval spans nearly the whole scale, or, with one bound, orders of magnitude (``FAR``)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (high - low) / np.subtract(self.high, self.low)
            ratio = np.where(
                np.isfinite(self.low), (high - self.low) / (low - self.low), (self.high - low) / (self.high - high)
            )
        one_end = np.isfinite(self.low) ^ np.isfinite(self.high)
        return np.asarray(np.where(one_end, (low < high) & (ratio > FAR), share > WHOLE))

    def unanimous(self, value: Array, units: NDArray[np.intp], confidence: float) -> tuple[Array, Array]:
        """The interval of the mean where all ``units`` have the same ``value``.

        From the exact binomial bound on the share of units with another value (Clopper and Pearson, Biometrika 26,
        1934), which may lie anywhere on the scale.
        """
        agree = ((1 - confidence) / 2) ** (1 / np.maximum(units, 1))
        return np.asarray(agree * value + (1 - agree) * self.low), np.asarray(agree * value + (1 - agree) * self.high)


UNBOUNDED = Scale()

WHOLE = 0.95
"""The share of a scale with two bounds above which an interval is too wide to be printed."""

FAR = 100.0
"""The same for a scale with one bound: the ratio of the interval ends' distances from it."""
