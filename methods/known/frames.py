"""Short-time spectra of a signal, and the signal of changed ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio

WINDOW_SECONDS = 0.032
OVERLAP = 4
"""Frames that cover each sample."""


class Frames:
    """Square-root Hann windows of 32 ms, a quarter apart; the squared windows sum to ``OVERLAP / 2``.

    Attributes:
        hop: in samples.
    """

    def __init__(self, sample_rate: int) -> None:
        self.hop = max(1, round(WINDOW_SECONDS * sample_rate / OVERLAP))
        self._window = np.sqrt(np.hanning(OVERLAP * self.hop + 1)[:-1])

    @property
    def _before(self) -> int:
        return (OVERLAP - 1) * self.hop

    def analyse(self, signal: Audio) -> NDArray[np.complex128]:
        """Spectra ``[frames, bins]`` of frames that cover every sample ``OVERLAP`` times."""
        after = self._before + -signal.size % self.hop
        padded = np.pad(signal.astype(np.float64), (self._before, after))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self._window.size)[:: self.hop]
        return np.fft.rfft(frames * self._window)

    def synthesise(self, spectra: NDArray[np.complex128], length: int) -> Audio:
        """The signal, float32 ``[length]``, of overlapping frames added up."""
        size = self._window.size
        frames = np.fft.irfft(spectra, size) * self._window / (OVERLAP / 2)
        signal = np.zeros((len(frames) - 1) * self.hop + size)
        for index, frame in enumerate(frames):
            signal[index * self.hop : index * self.hop + size] += frame
        return signal[self._before : self._before + length].astype(np.float32)
