"""The lag of one signal behind another."""

from __future__ import annotations

import numpy as np
import pytest

from bench.core.lag import fine_lag, lag

NOISE = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)


def later(samples: float) -> np.ndarray:
    spectrum = np.fft.rfft(NOISE, 32000) * np.exp(-2j * np.pi * samples * np.fft.rfftfreq(32000))
    return np.fft.irfft(spectrum, 32000)[:8000].astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, -1, 480, -480])
def test_whole_samples(samples: int) -> None:
    found = lag(later(samples), NOISE, 1000)
    assert found.samples == samples and found.correlation == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("samples", [0, 0.25, -0.5, 592.4, -37.75])
def test_fractions_of_a_sample(samples: float) -> None:
    found = fine_lag(-later(samples), NOISE, 1000)
    assert found.samples == pytest.approx(samples, abs=1 / 32) and found.correlation < -0.9


def test_silence_and_very_short_signals_have_none() -> None:
    assert lag(0 * NOISE, NOISE, 10).correlation == 0 == fine_lag(NOISE, 0 * NOISE, 10).samples
    for size in (1, 2, 3):
        assert abs(fine_lag(NOISE[:size], NOISE[:size], 100).samples) < 1
