"""Loudness of speech and noise, ITU-R BS.1770-4."""

from __future__ import annotations

import math

import numpy as np

from bench.core.types import Audio

SHORTEST = 0.4
"""Seconds: one block of the measurement."""


def loudness(samples: Audio, sample_rate: int) -> float:
    """Integrated loudness in LUFS; of less than a block, of its repetition; -inf where everything is below the gate."""
    from pyloudnorm import Meter

    block = math.ceil(SHORTEST * sample_rate)
    long = np.resize(samples, block) if 0 < samples.size < block else samples
    if not samples.size:
        return -math.inf
    with np.errstate(divide="ignore"):
        return float(Meter(sample_rate).integrated_loudness(long.astype(np.float64)))
