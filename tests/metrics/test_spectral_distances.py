"""Log-spectral distance and mel-cepstral distortion, in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.base import create
from metrics.intrusive import lsd, mcd
from tests.metrics.signals import RATE, hiss, pair, syllables

WHITE = hiss(np.zeros(2 * RATE), 0.1)


def value(name: str, enhanced: np.ndarray, clean: np.ndarray) -> float:
    found = create(name).score(enhanced.astype(np.float32), pair(clean, clean)).value
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["lsd", "mcd"])
def test_equal_signals_are_at_no_distance_and_noise_adds_some(name: str) -> None:
    clean = syllables()
    assert value(name, clean, clean) == 0
    near, far = (value(name, clean + hiss(clean, level), clean) for level in (0.001, 0.1))
    assert 0 < near < far


@pytest.mark.parametrize("gain_db", [-6.0, 12.0])
def test_a_gain_is_its_own_log_spectral_distance_and_no_cepstral_one(gain_db: float) -> None:
    louder = 10 ** (gain_db / 20) * WHITE
    assert value("lsd", louder, WHITE) == pytest.approx(abs(gain_db), abs=1e-3)
    assert value("mcd", louder, WHITE) == pytest.approx(0, abs=1e-5)


def test_digital_silence_is_at_a_finite_distance() -> None:
    muted = np.where(np.arange(WHITE.size) < WHITE.size // 2, np.float32(0), WHITE)
    assert 0.3 * lsd.RANGE < value("lsd", muted, WHITE) < lsd.RANGE


def test_with_all_coefficients_mcd_is_the_distance_of_the_mel_levels_without_their_mean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Parseval: the cepstrum is the cosine transform of the log spectrum."""
    monkeypatch.setattr(mcd, "COEFFICIENTS", mcd.BANDS - 1)
    enhanced = WHITE + np.convolve(WHITE, [0, 0.9], "same").astype(np.float32)
    levels = [10 * np.log10(lsd.power(signal, RATE) @ mcd._filters().T) for signal in (enhanced, WHITE)]
    difference = levels[0] - levels[1]
    expected = np.sqrt(np.mean((difference - difference.mean(axis=1, keepdims=True)) ** 2, axis=1)).mean()
    assert value("mcd", enhanced, WHITE) == pytest.approx(expected, rel=1e-6)
