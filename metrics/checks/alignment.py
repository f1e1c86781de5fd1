"""One signal beside another that it was made from or for: its level, delay and polarity."""

from __future__ import annotations

import numpy as np

from bench.core.findings import FINDINGS
from bench.core.lag import lag
from bench.core.types import Audio
from metrics.checks.levels import decibels

LONGEST, MOST = 30.0, 0.5
"""Seconds that are compared at most, from where the reference begins; the largest delay looked for."""


def check(signal: Audio, reference: Audio, sample_rate: int) -> dict[str, float]:
    """The findings of ``signal`` beside ``reference``; both float32 ``[samples]``."""
    if not (signal.any() and reference.any()):
        return {}
    found = {}
    level = decibels(_power(signal)) - decibels(_power(reference))
    if abs(level) >= FINDINGS["level"].threshold:
        found["level"] = level
    start = int(np.flatnonzero(reference)[0])
    part = slice(start, start + round(LONGEST * sample_rate))
    best = lag(signal[part], reference[part], round(MOST * sample_rate))
    here, there = best.unshifted, best.correlation
    least = FINDINGS["inverted"].threshold
    if best.samples and abs(there) >= least and _ratio(there) - _ratio(here) >= FINDINGS["delay"].threshold:
        found["delay"] = 1000 * best.samples / sample_rate
    else:
        there = here
    if there <= -least:
        found["inverted"] = there
    return found


def _power(signal: Audio) -> float:
    return float(np.mean(signal.astype(np.float64) ** 2))


def _ratio(correlation: float) -> float:
    """SI-SDR in dB of signals with this correlation."""
    squared = min(correlation**2, 1.0)
    return 10 * float(np.log10((squared + 1e-10) / (1 - squared + 1e-10)))
