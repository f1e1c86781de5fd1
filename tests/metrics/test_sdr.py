from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from bench.core.errors import UserError
from metrics.base import create
from tests.metrics.signals import RATE, hiss, pair, syllables

CLEAN = syllables(2.0) + hiss(syllables(2.0), 1e-3)


def value(enhanced: np.ndarray, clean: np.ndarray = CLEAN, taps: int = 512) -> float:
    score = create("sdr", taps=taps).score(enhanced.astype(np.float32), pair(clean, clean))
    assert score.value is not None, score
    return score.value


@pytest.mark.parametrize("decibels", [0.0, 10.0, 20.0])
def test_noise_gives_its_snr(decibels: float) -> None:
    """A little more: 512 taps fit a 60th of the noise."""
    noise = hiss(CLEAN, 1.0)
    noise *= np.linalg.norm(CLEAN) / np.linalg.norm(noise) * 10 ** (-decibels / 20)
    assert value(CLEAN + noise) == pytest.approx(decibels, abs=0.3)


def test_gain_delay_and_a_short_filter_cost_nothing() -> None:
    noise = hiss(CLEAN, 0.002)
    changed = -0.3 * np.r_[np.zeros(100), lfilter([1, 0.5, -0.3], [1], CLEAN)[:-100]]
    assert value(changed) > 40
    assert create("si_sdr").score(changed.astype(np.float32), pair(CLEAN, CLEAN)).value < 0
    assert value(changed + 0.3 * noise) == pytest.approx(value(CLEAN + noise), abs=1.5)


def test_it_is_the_projection_on_the_delays_of_the_clean_speech() -> None:
    taps, clean = 8, CLEAN[:RATE]
    enhanced = clean + hiss(clean, 0.02)
    delays = toeplitz(np.r_[clean, np.zeros(taps - 1)], np.zeros(taps)).astype(np.float64)
    padded = np.r_[enhanced, np.zeros(taps - 1)].astype(np.float64)
    target = delays @ np.linalg.lstsq(delays, padded, rcond=None)[0]
    expected = 10 * np.log10(np.sum(target**2) / np.sum((padded - target) ** 2))
    assert value(enhanced, clean, taps) == pytest.approx(expected, abs=1e-6)


def test_what_a_filter_fits_by_itself_is_undefined() -> None:
    short = CLEAN[: RATE // 2]
    metric = create("sdr", taps=4000)
    assert "shorter than four times the filter" in metric.score(short, pair(short, short)).reason
    assert create("sdr").score(CLEAN[:100], pair(CLEAN[:100], CLEAN[:100])).reason == "shorter than 0.5 s"


@pytest.mark.parametrize("taps", [0, 2.5, True, "512"])
def test_taps_are_counted(taps: object) -> None:
    with pytest.raises(UserError, match="taps: a whole number from 1 up"):
        create("sdr", taps=taps)
