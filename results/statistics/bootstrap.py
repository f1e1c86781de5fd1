"""Bootstrap intervals and p-values of means and pooled rates, resampling speakers or recordings.

Every estimate is a ratio of sums over independent units (speakers, or recordings where the speaker is
not known): a mean is the sum of scores over their number, a word error rate the sum of errors over the sum
of words. Units are drawn with replacement, together with all their recordings (Davison and
Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).

Intervals are expanded percentile intervals (Hesterberg, "What Teachers Should Know About the Bootstrap",
The American Statistician 69, 2015): a plain percentile interval of few units is too narrow, so its
percentiles are moved outwards until normal data are covered as often as by Student's interval:
to the normal quantile ``z = t sqrt(n / (n - 1))`` with ``t`` of ``n - 1`` degrees of freedom. On a scale with
ends (``results.statistics.scale``) the same ``z`` times the standard error is taken on the transformed scale instead,
which covers better with any number of units and stays on the scale. A p-value inverts the interval: it is the
level at which the interval touches zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from results.statistics.scale import UNBOUNDED, Scale

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

RESAMPLES = 10_000
SEED = 0
"""Seed of the resampling. Fixed, so that the same rows give the same table."""

_BEYOND = 50
"""Where fewer resamples lie beyond a percentile, the normal distribution with their standard deviation is used
instead: an empirical quantile that far out, of finitely many resamples or of few units, is too inaccurate."""

_ROUNDING = 1e-12
"""Relative differences below this are rounding errors."""

_FLAT = 1e-10
"""Relative to their mean: resamples that differ by less are equal up to rounding."""

_PORTION = 2_000_000
"""How many resampling weights are converted to floating point at a time."""


@dataclass(frozen=True)
class Draws:
    """Estimates, and their values in each resample.

    Attributes:
        estimate: ``[columns]``.
        values: ``[columns, resamples]``; NaN where a resample contains no data.
        units: ``[columns]``, how many independent units each estimate rests on.
    """

    estimate: Array
    values: Array
    units: Integers

    def __getitem__(self, columns: Integers | slice) -> Draws:
        """These columns alone."""
        return Draws(self.estimate[columns], self.values[columns], self.units[columns])

    def __sub__(self, other: Draws) -> Draws:
        """Paired differences, resample by resample. Both must come from the same units."""
        values = self.values - other.values
        values[np.abs(values) < _ROUNDING * np.abs(self.values)] = 0  # equal sums can differ by the order of summation
        return Draws(self.estimate - other.estimate, values, np.minimum(self.units, other.units))

    def interval(self, confidence: float = 0.95, scale: Scale = UNBOUNDED) -> tuple[Array, Array]:
        """Lower and upper ends ``[columns]`` of an interval with nominal coverage ``confidence``.

        Limited to ``scale``. NaN for too few units: fewer than two, or so few that the interval would span nearly
        the whole scale.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            t = stats.t.ppf((1 + confidence) / 2, self.units - 1)
            z = t * np.sqrt(self.units / (self.units - 1))
        spread = _sd(self.values)
        low, high = self._expanded(z, z * spread)
        keeps = (scale.low <= self.estimate) & (self.estimate <= scale.high)
        low, high = np.where(keeps, scale.clipped(low), low), np.where(keeps, scale.clipped(high), high)
        bent = scale.bends(self.estimate) & (spread > 0)
        if bent.any():
            middle, margin = scale.outward(self.estimate), z * spread * scale.slope(self.estimate)
            low = np.where(bent, scale.inward(middle - margin), low)
            high = np.where(bent, scale.inward(middle + margin), high)
        if scale.answers:
            ends = scale.unanimous(self.estimate, self.units, confidence)
            low, high = (np.where(spread > 0, end, agreed) for end, agreed in zip((low, high), ends, strict=True))
        known = (self.units > 1) & ~scale.tells_nothing(low, high)
        return np.where(known, low, np.nan), np.where(known, high, np.nan)

    def _expanded(self, z: Array, margin: Array) -> tuple[Array, Array]:
        """The expanded percentile interval; the normal interval where too few resamples lie beyond a percentile."""
        ordered = np.sort(self.values, axis=1)  # NaN last
        count = np.isfinite(ordered).sum(axis=1)
        tail = stats.norm.sf(z)
        near = tail * count >= _BEYOND
        low = np.where(near, _quantile(ordered, count, tail), self.estimate - margin)
        high = np.where(near, _quantile(ordered, count, 1 - tail), self.estimate + margin)
        return low, high

    def p_value(self, scale: Scale = UNBOUNDED) -> Array:
        """Two-sided p-values ``[columns]`` of the hypothesis that the true value is zero.

        1 where the estimate and all resamples are zero, NaN for fewer than two units.

        Args:
            scale: of the estimates, as for ``interval``; it must contain zero.
        """
        count = np.isfinite(self.values).sum(axis=1)
        spread = _sd(self.values)
        with np.errstate(invalid="ignore", divide="ignore"):
            below = ((self.values < 0).sum(axis=1) + 0.5 * (self.values == 0).sum(axis=1)) / count
            beyond = np.minimum(below, 1 - below)
            normal = np.fmax(np.abs(self.estimate) / spread, stats.norm.isf(_BEYOND / count))
            z = np.where(beyond * count >= _BEYOND, stats.norm.isf(beyond), normal)
            away = np.abs(scale.outward(self.estimate) - scale.outward(np.zeros_like(self.estimate)))
            z = np.where(scale.bends(self.estimate), away / (scale.slope(self.estimate) * spread), z)
            z = np.where(self.estimate == 0, np.nan_to_num(z), z)  # no difference, and no spread either
            p = 2 * stats.t.sf(z * np.sqrt((self.units - 1) / self.units), self.units - 1)
        p = np.where(np.isinf(z), 2.0 ** (1 - self.units), p)  # no variance: the p-value of a sign test
        return np.where(self.units > 1, p, np.nan)


class Resampler:
    """One set of resamples of independent units, shared by all estimates so that their differences are paired.

    Args:
        units: the number of units.
        resamples: the number of resamples, 1000 or more.
    """

    def __init__(self, units: int, resamples: int = RESAMPLES) -> None:
        random = np.random.default_rng(SEED)
        self._weights = np.empty((resamples, units), np.uint8)
        """How often each unit was drawn."""
        for part in self._parts():
            self._weights[part] = _draw(part.stop - part.start, units, random)

    def sums(self, columns: Array) -> Array:
        """Sums over each resample's units, ``[columns, resamples]``, of ``columns`` ``[columns, units]``."""
        sums = np.empty((len(columns), len(self._weights)))
        for part in self._parts():
            sums[:, part] = columns @ self._weights[part].T.astype(np.float64)
        return sums

    def ratios(self, numerators: Array, denominators: Array) -> Draws:
        """``sum(numerators) / sum(denominators)``, both ``[columns, units]`` and 0 where a unit has no data."""
        # Most columns have equal denominators (a score for every recording): sum those once.
        distinct, which = np.unique(denominators, axis=0, return_inverse=True)
        above, below = self.sums(numerators), self.sums(distinct)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = above / np.where(below > 0, below, np.nan)[which.reshape(-1)]
            estimate = numerators.sum(axis=1) / denominators.sum(axis=1)
        return Draws(estimate, values, (denominators > 0).sum(axis=1))

    def _parts(self) -> Iterator[slice]:
        """Resamples in portions small enough to convert to floating point."""
        resamples, units = self._weights.shape
        step = max(1, _PORTION // max(units, 1))
        return (slice(start, min(start + step, resamples)) for start in range(0, resamples, step))


def _draw(resamples: int, units: int, random: np.random.Generator) -> Integers:
    """How often each of ``units`` is drawn when as many are drawn with replacement: ``[resamples, units]``."""
    drawn = random.integers(0, max(units, 1), size=(resamples, units)) + np.arange(resamples)[:, None] * units
    return np.bincount(drawn.reshape(-1), minlength=resamples * units).reshape(resamples, units)


def _sd(values: Array) -> Array:
    """Each column's standard deviation over the resamples with a value; 0 where it is only rounding error."""
    if np.isfinite(values).all():
        mean, sd = values.mean(axis=1), values.std(axis=1)
    else:
        count = np.isfinite(values).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.nansum(values, axis=1) / count
            sd = np.sqrt(np.nansum((values - mean[:, None]) ** 2, axis=1) / count)
    return np.where(sd <= _FLAT * np.abs(mean), 0.0, sd)


def _quantile(ordered: Array, count: Integers, level: Array) -> Array:
    """Each column's own quantile, linear between the two nearest of its first ``count`` ordered values."""
    last = np.maximum(count - 1, 0)
    place = np.clip(np.nan_to_num(level), 0, 1) * last
    below = np.floor(place).astype(np.intp)
    columns = np.arange(len(ordered))
    lower, upper = ordered[columns, below], ordered[columns, np.minimum(below + 1, last)]
    return np.asarray(lower + (place - below) * (upper - lower))
