"""Band-limited audio in a wider file: telephone speech at 16 kHz, coded speech at 48 kHz."""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import rfft

from bench.core.findings import FINDINGS
from metrics.checks.signal import Signal

FALL = 35.0
"""Decibels by which the spectrum falls at the end of a band. Of 52 recordings of speech none falls by more than 26 dB
at any frequency, and none that were resampled from 8 kHz by less than 47 dB, as 16-bit integers.
"""

WIDE = 7000.0
"""Hz that wide-band speech reaches (ITU-T P.862.2): at lower rates every band is a narrow one."""

WIDTH, GAP, LOWEST = 400.0, 300.0, 1000.0
"""Hz that are averaged on either side of the fall, between the two, and the lowest band told."""


def check(signal: Signal) -> dict[str, float]:
    """The finding of ``signal``."""
    edge, half = band_edge(signal), signal.sample_rate / 2
    if edge is not None and edge < FINDINGS["band"].threshold * half:
        return {"band": edge}
    return {"band": half} if half < WIDE else {}


def band_edge(signal: Signal) -> float | None:
    """Where in Hz the long-term spectrum falls by 35 dB and stays there; None where it does not."""
    sample_rate = signal.sample_rate
    size = 2 ** round(math.log2(sample_rate / 16))
    if signal.wide.size < 4 * size or signal.low == signal.high:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(signal.wide, size)[:: size // 2]
    spectra = rfft(frames * np.hanning(size))
    power = sum(np.einsum("ij,ij->j", part, part) for part in (spectra.real, spectra.imag)) / len(frames)
    per_bin = sample_rate / size
    width, gap, first = (round(hertz / per_bin) for hertz in (WIDTH, GAP, LOWEST))
    until = round(FINDINGS["band"].threshold * power.size)
    total = np.cumsum(np.r_[0, power])
    edges = np.arange(max(first, width), until)
    above = edges + gap
    past = np.minimum(above + width, power.size)
    below = (total[edges] - total[edges - width]) / width
    near = (total[past] - total[above]) / (past - above)
    rest = (total[-1] - total[above]) / (power.size - above)
    fall = below / (np.maximum(near, rest) + 1e-30 * power.max())
    falls = np.flatnonzero(fall >= 10 ** (FALL / 10))
    if not falls.size:
        return None
    passed = power[: above[falls[0]] + width] > below[falls[0]] * 10 ** (-FALL / 2 / 10)
    return float(np.flatnonzero(passed)[-1] * per_bin)
