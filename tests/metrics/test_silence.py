"""What is in the pauses is known: it was put there."""

from __future__ import annotations

import numpy as np
import pytest

from bench.core.types import Audio, Score
from metrics.base import create
from metrics.pauses.silence import periodicity
from tests.metrics.signals import RATE, hiss, pair, tone

SPEECH = np.concatenate([hiss(np.zeros(RATE), 0.1), np.zeros(RATE)]).astype(np.float32)
"""A second of sound and a second of pause."""

PAUSE = np.arange(SPEECH.size) >= RATE


def voice(pitch: float, seconds: float = 2.0) -> Audio:
    return sum((tone(pitch * k, seconds) / k for k in range(1, 11)), np.zeros(round(seconds * RATE), np.float32))


def score(name: str, enhanced: Audio) -> Score:
    return create(name).score(enhanced.astype(np.float32), pair(SPEECH, SPEECH))


@pytest.mark.parametrize("level", [-10.0, -40.0])
def test_the_level_in_pauses_is_that_of_what_was_put_there(level: float) -> None:
    residue = PAUSE * hiss(SPEECH, 0.1 * 10 ** (level / 20), seed=3)
    assert score("silence_energy", SPEECH + residue).value == pytest.approx(level, abs=0.3)
    assert score("silence_energy", 5 * (SPEECH + residue)).value == pytest.approx(level, abs=0.3)


def test_digital_silence_is_at_the_floor() -> None:
    assert score("silence_energy", SPEECH).value == -100


@pytest.mark.parametrize("pitch", [80.0, 120.0, 350.0])
def test_a_voice_in_pauses_is_voiced_and_counted(pitch: float) -> None:
    found = score("silence_voicing", SPEECH + PAUSE * 0.01 * voice(pitch))
    assert found.total == pytest.approx(100, abs=12)  # a second of frames 10 ms apart, less the margins
    assert found.errors == found.total
    assert found.value == 100


def test_the_clean_recording_s_own_background_is_no_voice() -> None:
    hum = (SPEECH + PAUSE * 0.003 * voice(100)).astype(np.float32)
    found = create("silence_voicing").score(hum, pair(hum, hum))
    assert (found.errors, found.status) == (0, "ok")


def test_half_a_pause_of_voice_is_half_the_pause() -> None:
    half = np.arange(SPEECH.size) >= 1.5 * RATE
    assert score("silence_voicing", SPEECH + half * 0.01 * voice(120)).value == pytest.approx(50, abs=5)


def test_noise_and_what_nobody_hears_are_not_voiced() -> None:
    assert score("silence_voicing", SPEECH + PAUSE * hiss(SPEECH, 0.05, seed=3)).value < 3
    assert score("silence_voicing", SPEECH + PAUSE * 1e-5 * voice(120)).value == 0
    assert score("silence_voicing", SPEECH).value == 0


@pytest.mark.parametrize("noise_db", [0.0, 10.0, 20.0])
def test_periodicity_is_the_share_of_periodic_energy(noise_db: float) -> None:
    """Boersma: the autocorrelation at the period is periodic energy over all of it."""
    periodic = voice(125)
    noise = hiss(periodic, float(np.std(periodic)) * 10 ** (-noise_db / 20))
    frames = np.lib.stride_tricks.sliding_window_view((periodic + noise).astype(np.float64), 640)[::160]
    share = 1 / (1 + 10 ** (-noise_db / 10))
    assert np.median(periodicity(frames, RATE)) == pytest.approx(share, abs=0.06)


def test_pauses_of_a_recording_with_background_noise_are_found() -> None:
    clean = SPEECH + hiss(SPEECH, 0.1 * 10 ** (-27 / 20), seed=7)
    found = create("silence_energy").score(clean, pair(clean, clean))
    assert found.value == pytest.approx(-27, abs=0.5)


@pytest.mark.parametrize("name", ["silence_energy", "silence_voicing"])
def test_without_pauses_there_is_nothing_to_say(name: str) -> None:
    full = hiss(np.zeros(RATE), 0.1)
    found = create(name).score(full, pair(full, full))
    assert (found.status, found.reason) == ("undefined", "less than 0.1 s of pause in the clean reference")
    short = full[:300]
    assert create(name).score(short, pair(short, short)).status == "undefined"
