"""Active speech level: ITU-T P.56 (12/2011), method B."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from bench.core.types import Audio

Envelope = NDArray[np.float64]

TIME_CONSTANT = 0.03
"""Seconds of each of the two exponential averages."""

HANGOVER = 0.2
"""Seconds for which speech still counts as active after its envelope fell below a threshold."""

MARGIN = 15.9
"""dB between the active level and the threshold that belongs to it."""

LOWEST_BIT = 15
"""Thresholds are 2^-1 to 2^-LOWEST_BIT of full scale."""


def active_level(speech: Audio, rate: int) -> tuple[float, float]:
    """Active speech level in dB of full scale (mean power of the active parts), and the share that is active.

    Args:
        speech: ``[samples]``, full scale at 1.
        rate: in Hz.

    Returns:
        ``(-inf, 0.0)`` for silence.
    """
    squared = float(np.sum(np.square(speech, dtype=np.float64)))
    if squared == 0:
        return -np.inf, 0.0
    envelope = _envelope(speech, rate)
    thresholds = 2.0 ** -np.arange(LOWEST_BIT, 0, -1)
    counts = np.array([_active_samples(envelope, threshold, round(HANGOVER * rate)) for threshold in thresholds])
    used = counts > 0
    levels = 10 * np.log10(squared / counts[used])
    above = levels - 20 * np.log10(thresholds[used])  # falls as the threshold rises
    if above[0] <= MARGIN:  # quieter than the lowest threshold can tell
        return float(levels[0]), float(counts[used][0] / speech.size)
    place = int(np.argmax(above <= MARGIN)) if (above <= MARGIN).any() else above.size - 1
    if above[place] > MARGIN:
        return float(levels[place]), float(counts[used][place] / speech.size)
    share = (above[place - 1] - MARGIN) / (above[place - 1] - above[place])
    level = float(levels[place - 1] + share * (levels[place] - levels[place - 1]))
    return level, float(squared / 10 ** (level / 10) / speech.size)


def _envelope(speech: Audio, rate: int) -> Envelope:
    """The rectified signal, averaged exponentially twice."""
    pole = np.exp(-1 / (TIME_CONSTANT * rate))
    averaged = np.abs(speech.astype(np.float64))
    for _ in range(2):
        averaged = lfilter([1 - pole], [1, -pole], averaged)
    return np.asarray(averaged)


def _active_samples(envelope: Envelope, threshold: float, hangover: int) -> int:
    """How many samples lie at most ``hangover`` behind one whose envelope reaches the threshold."""
    reached = np.flatnonzero(envelope >= threshold)
    if reached.size == 0:
        return 0
    gaps = np.minimum(np.diff(np.append(reached, envelope.size)), hangover + 1)
    return int(gaps.sum())
