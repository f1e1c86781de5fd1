"""Student's t for the mean of crossed ratings, for other listeners and other clips than those of the test.

A score is ``mean + listener + clip + rest``. With the mean squares of listeners ``MS_L``, clips ``MS_C`` and the rest
``MS_E`` of ``L`` listeners and ``C`` clips, the variance of the mean is estimated by ``(MS_L + MS_C - MS_E) / (L C)``,
with Satterthwaite's degrees of freedom ("An approximate distribution of estimates of variance components", Biometrics
Bulletin 2(6), 1946). A component that would be negative is taken as 0. Where not every listener rated every clip, sums
over a listener's or clip's ratings take the place of the mean squares, as in two-way clustered errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from results.statistics.scale import UNBOUNDED, Scale

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean with the standard error of its estimate, and the degrees of freedom of that."""

    mean: float
    error: float
    df: float

    def interval(self, confidence: float, scale: Scale = UNBOUNDED) -> tuple[float, float]:
        """The interval, computed on the transformed scale and so within its ends; NaN for too few ratings.

        NaN also where it would span nearly the whole scale.
        """
        if not self.df > 0:
            return float("nan"), float("nan")
        middle = np.array(self.mean)
        margin = stats.t.ppf((1 + confidence) / 2, self.df) * self.error * scale.slope(middle)
        outward = scale.outward(middle)
        bent = bool(scale.bends(middle)) and self.error > 0
        ends = [scale.inward(outward + sign * margin) if bent else middle + sign * margin for sign in (-1, 1)]
        low, high = (float(scale.clipped(end)) for end in ends)
        if bool(scale.tells_nothing(np.array(low), np.array(high))):
            return float("nan"), float("nan")
        return low, high

    def p(self, scale: Scale = UNBOUNDED) -> float:
        """The two-sided p-value of the hypothesis that the mean is 0; it fits the interval."""
        if not self.df > 0:
            return float("nan")
        if self.error == 0:
            return 1.0 if self.mean == 0 else float("nan")
        middle = np.array(self.mean)
        away = abs(float(scale.outward(middle) - scale.outward(np.array(0.0))))
        return float(2 * stats.t.sf(away / (self.error * float(scale.slope(middle))), self.df))


def estimate(scores: Array) -> Estimate:
    """The mean of ``scores`` ``[listeners, clips]`` (NaN: missing). ``df`` is NaN for fewer than two of either."""
    scores = scores[~np.isnan(scores).all(axis=1)][:, ~np.isnan(scores).all(axis=0)]
    there = ~np.isnan(scores)
    listeners, clips = scores.shape
    count = int(there.sum())
    mean = float(scores[there].mean()) if count else float("nan")
    if min(listeners, clips) < 2:
        return Estimate(mean, float("nan"), float("nan"))
    away = np.where(there, scores - mean, 0.0)
    of_listeners = listeners / (listeners - 1) * float(np.sum(away.sum(axis=1) ** 2)) / count**2
    of_clips = clips / (clips - 1) * float(np.sum(away.sum(axis=0) ** 2)) / count**2
    rest, left = _rest(away, there)
    if left < 1:
        return Estimate(mean, float("nan"), float("nan"))
    of_rest = rest / left / count
    variance = max(of_listeners, of_rest) + max(of_clips, of_rest) - of_rest
    parts = [
        *([(of_listeners, listeners - 1)] if of_listeners > of_rest else []),
        *([(of_clips, clips - 1)] if of_clips > of_rest else []),
        (of_rest, left),
    ]
    spread = sum(part**2 / df for part, df in parts)
    df = variance**2 / spread if spread > 0 else min(listeners, clips) - 1
    return Estimate(mean, float(np.sqrt(variance)), float(min(df, count - 1)))


def _rest(away: Array, there: NDArray[np.bool_]) -> tuple[float, int]:
    """The sum of squares that listeners and clips leave, and its degrees of freedom."""
    listener, clip = np.nonzero(there)
    rows = np.arange(listener.size)
    design = np.zeros((listener.size, sum(there.shape)))
    design[rows, listener] = 1.0
    design[rows, there.shape[0] + clip] = 1.0
    values = away[listener, clip]
    fitted, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    return float(np.sum((values - design @ fitted) ** 2)), listener.size - int(rank)
