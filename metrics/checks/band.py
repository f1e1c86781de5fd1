"""Band-limited audio in a wider file: telephone speech at 16 kHz, coded speech at 48 kHz."""

from __future__ import annotations

import numpy as np

from bench.core.findings import FINDINGS
from bench.core.types import Audio

FALL = 35.0
"""Decibels by which the spectrum falls at the end of a band. Of 52 recordings of speech none falls by more than 26 dB
at any frequency, and none that were resampled from 8 kHz by less than 47 dB, as 16-bit integers.
"""

WIDE = 7000.0
"""Hz that wide-band speech reaches (ITU-T P.862.2): at lower rates every band is a narrow one."""

WIDTH, GAP, LOWEST = 400.0, 300.0, 1000.0
"""Hz that are averaged on either side of the fall, between the two, and the lowest band told."""


def check(signal: Audio, sample_rate: int) -> dict[str, float]:
    """The finding of ``signal``, float32 ``[samples]``."""
    edge, half = band_edge(signal, sample_rate), sample_rate / 2
    if edge is not None and edge < FINDINGS["band"].threshold * half:
        return {"band": edge}
    return {"band": half} if half < WIDE else {}


def band_edge(signal: Audio, sample_rate: int) -> float | None:
    """Where in Hz the long-term spectrum falls by 35 dB and stays there; None where it does not."""
    size = 2 ** round(np.log2(sample_rate / 16))
    if signal.size < 4 * size or np.ptp(signal) == 0:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), size)[:: size // 2]
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2, axis=0)
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
