"""One signal beside another that it was made from or for: its level, delay and polarity."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.core.findings import FINDINGS
from bench.core.lag import correlate, lag
from metrics.checks.signal import Signal

LONGEST, MOST = 30.0, 0.5
"""Seconds that are compared at most, from where the reference begins; the largest delay looked for."""

FEW = 32
"""So many lags are tried one by one; for more, a Fourier transform gives all."""

TINY = 1e-10
"""Keeps the ratio of equal signals finite, at 100 dB."""


class Reference:
    """A signal that others are compared with; not silent. What depends on it alone is computed once."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        start = int(np.flatnonzero(signal.samples)[0])
        self.part = slice(start, start + round(LONGEST * signal.sample_rate))
        self.wide = signal.wide[self.part]
        self.energy = float(self.wide @ self.wide)
        self.most = min(round(MOST * signal.sample_rate), self.wide.size - 1)

    @cached_property
    def angles(self) -> NDArray[np.float64]:
        """Between the reference and itself shifted by 1, 2, ... samples: their correlation is the cosine."""
        samples = self.signal.samples[self.part]
        own = np.abs(correlate(samples, samples, self.most)[1 : self.most + 1])
        angles: NDArray[np.float64] = np.arccos(np.minimum(own, 1))
        return angles


def check(signal: Signal, reference: Reference) -> dict[str, float]:
    """The findings of ``signal``, of the reference's length, beside it; both finite."""
    if not signal.energy:
        return {}
    found = {}
    level = signal.level - reference.signal.level
    if abs(level) >= FINDINGS["level"].threshold:
        found["level"] = level
    samples, there = _delay(signal, reference)
    if samples:
        found["delay"] = 1000 * samples / signal.sample_rate
    if there <= -FINDINGS["inverted"].threshold:
        found["inverted"] = there
    return found


def _delay(signal: Signal, reference: Reference) -> tuple[float, float]:
    """The lag in samples, 0 where without it SI-SDR would gain too little; and the correlation at this lag."""
    wide = signal.wide[reference.part]
    scale = math.sqrt(float(wide @ wide) * reference.energy)
    if not scale:
        return 0, 0.0
    here = float(wide @ reference.wide) / scale
    least = _least(here)
    near = _near(here, least, reference)
    if not near.size:
        return 0, here
    if near.size > FEW:
        best = lag(signal.samples[reference.part], reference.signal.samples[reference.part], reference.most)
        samples, there = best.samples, best.correlation
    else:
        later = [(int(k), float(wide[k:] @ reference.wide[:-k]) / scale) for k in near]
        earlier = [(-int(k), float(wide[:-k] @ reference.wide[k:]) / scale) for k in near]
        samples, there = max([*later, *earlier], key=lambda pair: abs(pair[1]))
    return (samples, there) if samples and abs(there) >= least else (0, here)


def _least(here: float) -> float:
    """The correlation from which on a lag is a delay, where it is ``here`` without; above 1: none is."""
    wanted = 10 ** ((_ratio(here) + FINDINGS["delay"].threshold) / 10)
    return max(FINDINGS["inverted"].threshold, math.sqrt((wanted * (1 + TINY) - TINY) / (1 + wanted)))


def _near(here: float, least: float, reference: Reference) -> NDArray[np.intp]:
    """The lags at which the correlation can reach ``least``, either way, where it is ``here`` without.

    Signals are vectors, and correlations the cosines of angles between them. A signal at an angle a from the reference
    is at one of b - a or more from whatever is at b from the reference, such as the reference shifted.
    """
    if least > 1:
        return np.empty(0, np.intp)
    return 1 + np.flatnonzero(reference.angles <= math.acos(min(abs(here), 1)) + math.acos(least))


def _ratio(correlation: float) -> float:
    """SI-SDR in dB of signals with this correlation."""
    squared = min(correlation**2, 1.0)
    return 10 * math.log10((squared + TINY) / (1 - squared + TINY))
