"""Signals in frames, as the frame-based metrics of Hu and Loizou cut them: 30 ms, a quarter of that apart.

Frames in which the clean speech is digital silence are left out: they have no spectrum and no level to compare. The
published code counts them, so that zeros put before a recording change its score; without such frames the values are
the published code's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Clip, Undefined

SECONDS = 0.03
SILENT = -100.0
"""Decibels relative to the loudest frame: below any 16-bit recording's noise, above what resampling leaves of zeros."""

SILENCE = f"left out below {SILENT:g} dB of the clean speech"
"""For a metric's ``settings``."""

Frames = NDArray[np.float64]
"""``[frames, samples]``"""


def framed_pair(clip: Clip) -> tuple[Frames, Frames]:
    """Frames of the clean and of the enhanced speech, as ``framed``, in which the clean holds a signal.

    Raises:
        Undefined: there is no such frame.
    """
    kept = holds_signal(_cut(clip.reference, clip.sample_rate))
    return framed(clip.reference, clip.sample_rate)[kept], framed(clip.enhanced, clip.sample_rate)[kept]


def framed(signal: Audio, sample_rate: int) -> Frames:
    """Frames under a Hann window without zeros at its ends.

    Raises:
        Undefined: there is no frame.
    """
    frames = _cut(signal, sample_rate)
    return np.asarray(frames * np.hanning(frames.shape[1] + 2)[1:-1])


def _cut(signal: Audio, sample_rate: int) -> Frames:
    """Frames without a window. As in the published code the last whole one is left out."""
    length = round(SECONDS * sample_rate)
    hop = length // 4
    count = (signal.size - length) // hop
    if count < 1:
        raise Undefined(f"shorter than {(length + hop) / sample_rate:g} s")
    return np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), length)[: count * hop : hop]


def holds_signal(clean: Frames) -> NDArray[np.bool_]:
    """Which frames, without a window, are more than silence or a constant: ``[frames]``.

    Raises:
        Undefined: none.
    """
    power = clean.var(axis=1)
    if not power.any():
        raise Undefined("the clean reference is silent")
    return np.asarray(power > power.max() * 10 ** (SILENT / 10))


def trimmed_mean(values: NDArray[np.float64], share: float = 0.95) -> float:
    """Mean of the lowest ``share`` of the values: as Hu and Loizou do to exclude outlying frames."""
    return float(np.sort(values)[: max(1, round(values.size * share))].mean())
