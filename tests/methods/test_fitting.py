"""A delay that is compensated: whole samples and fractions of one."""

from __future__ import annotations

import numpy as np
import pytest

from methods.alignment import advanced

TONES = sum(np.sin(2 * np.pi * f * np.arange(8000) / 16000) for f in (300, 1100, 3100)).astype(np.float32) * 0.1  # type: ignore[union-attr]
TONES *= np.hanning(8000).astype(np.float32)


@pytest.mark.parametrize("delay", [1, 592, 0.4, 592.4, -3, -0.7])
def test_speech_is_moved_ahead(delay: float) -> None:
    spectrum = np.fft.rfft(TONES, 32768) * np.exp(-2j * np.pi * delay * np.fft.rfftfreq(32768))
    late = np.fft.irfft(spectrum, 32768)[:8000].astype(np.float32)
    inner = slice(700, 7300)
    np.testing.assert_allclose(advanced(late, delay)[inner], TONES[inner], atol=2e-3)


@pytest.mark.parametrize("delay", [0, 5, -5, 9000, -9000])
def test_the_length_stays(delay: int) -> None:
    assert advanced(TONES, delay).shape == TONES.shape
