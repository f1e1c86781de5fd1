"""ITU-T P.56: closed forms of the active speech level."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.recipes.active_level import HANGOVER, active_level

RATE = 16000


def tone(seconds: float, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_a_steady_tone_is_active_throughout() -> None:
    level, share = active_level(tone(10), RATE)
    assert level == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.1)
    assert share == pytest.approx(1, abs=0.02)


def test_pauses_longer_than_the_hangover_do_not_count() -> None:
    speech = np.concatenate([tone(4), np.zeros(4 * RATE, np.float32)] * 3)
    level, share = active_level(speech, RATE)
    assert share == pytest.approx((4 + HANGOVER) / 8, abs=0.03)
    assert level == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)) - 10 * np.log10((4 + HANGOVER) / 4), abs=0.25)


def test_short_pauses_count() -> None:
    speech = np.concatenate([tone(1), np.zeros(round(0.1 * RATE), np.float32)] * 9)
    assert active_level(speech, RATE)[1] > 0.97


@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
def test_the_level_follows_the_gain(gain: float) -> None:
    speech = np.concatenate([tone(2), np.zeros(2 * RATE, np.float32), tone(1, 0.05)])
    (level, share), (scaled, same) = active_level(speech, RATE), active_level(speech * np.float32(gain), RATE)
    assert scaled - level == pytest.approx(20 * np.log10(gain), abs=0.5)
    assert same == pytest.approx(share, abs=0.07)


def test_silence_has_no_level() -> None:
    assert active_level(np.zeros(RATE, np.float32), RATE) == (-np.inf, 0.0)


def test_faint_noise_between_words_does_not_count() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-4, 16 * RATE)
    speech = np.concatenate([tone(4), np.zeros(4 * RATE, np.float32)] * 2) + noise.astype(np.float32)
    assert active_level(speech, RATE)[1] < 0.6
