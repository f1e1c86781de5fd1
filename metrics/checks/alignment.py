"""One signal beside another that it was made from or for: its level, delay and polarity."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from bench.core.findings import FINDINGS
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
    lag, here, there = _delay(signal[part], reference[part], round(MOST * sample_rate))
    least = FINDINGS["inverted"].threshold
    if lag and abs(there) >= least and _ratio(there) - _ratio(here) >= FINDINGS["delay"].threshold:
        found["delay"] = 1000 * lag / sample_rate
    else:
        there = here
    if there <= -least:
        found["inverted"] = there
    return found


def _power(signal: Audio) -> float:
    return float(np.mean(signal.astype(np.float64) ** 2))


def _delay(signal: Audio, reference: Audio, most: int) -> tuple[int, float, float]:
    """The lag in samples at which the two correlate best, up to ``most`` either way, positive where ``signal`` is late;
    their correlation without it, and with it: -1 to 1.
    """
    size = next_fast_len(2 * reference.size, real=True)
    spectra = [rfft(x.astype(np.float64), size) for x in (signal, reference)]
    energy = np.sqrt(np.prod([float(np.sum(x.astype(np.float64) ** 2)) for x in (signal, reference)]))
    if energy == 0:
        return 0, 0.0, 0.0
    correlation = irfft(spectra[0] * np.conj(spectra[1]), size) / energy
    most = min(most, reference.size - 1)
    lags = np.r_[0 : most + 1, -most:0]
    best = int(lags[int(np.argmax(np.abs(correlation[lags])))])
    return best, float(correlation[0]), float(correlation[best])


def _ratio(correlation: float) -> float:
    """SI-SDR in dB of signals with this correlation."""
    squared = min(correlation**2, 1.0)
    return 10 * float(np.log10((squared + 1e-10) / (1 - squared + 1e-10)))
