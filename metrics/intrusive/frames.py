"""Signals in frames, as the frame-based metrics of Hu and Loizou cut them: 30 ms, a quarter of that apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Undefined

SECONDS = 0.03
Frames = NDArray[np.float64]
"""``[frames, samples]``"""


def framed(signal: Audio, sample_rate: int) -> Frames:
    """Frames under a Hann window without zeros at its ends. As in the published code the last whole one is left out.

    Raises:
        Undefined: there is no frame.
    """
    length = round(SECONDS * sample_rate)
    hop = length // 4
    count = (signal.size - length) // hop
    if count < 1:
        raise Undefined(f"shorter than {(length + hop) / sample_rate:g} s")
    view = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), length)
    return np.asarray(view[: count * hop : hop] * np.hanning(length + 2)[1:-1])


def trimmed_mean(values: NDArray[np.float64], share: float = 0.95) -> float:
    """Mean of the lowest ``share`` of the values: what Hu and Loizou do against frames that mean nothing."""
    return float(np.sort(values)[: max(1, round(values.size * share))].mean())
