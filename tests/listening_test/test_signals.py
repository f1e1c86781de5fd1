"""Signals are cut, filtered and levelled as the standards say."""

from __future__ import annotations

import numpy as np
import pytest

from bench.core.errors import UserError
from listening_test.stimuli import signals

RATE = 16000


def tone(frequency: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize(("rate", "edge"), [(16000, 3500), (16000, 7000), (48000, 3500), (44100, 7000), (8000, 3500)])
def test_low_pass_keeps_to_the_anchors_tolerances(rate: int, edge: float) -> None:
    """BS.1534-3: ±0.1 dB in the pass band, 25 dB down 500 Hz above its edge, 50 dB down at 1 kHz above."""
    impulse = np.zeros(rate, np.float32)
    impulse[rate // 2] = 1
    filtered = signals.low_pass(impulse, rate, edge)
    frequency = np.fft.rfftfreq(rate, 1 / rate)
    level = 20 * np.log10(np.abs(np.fft.rfft(filtered.astype(float))) + 1e-12)
    assert np.abs(level[frequency <= edge]).max() < 0.1
    assert level[frequency >= edge + 500].max(initial=-100) < -25
    assert level[frequency >= edge + 1000].max(initial=-100) < -50
    assert np.allclose(filtered[rate // 2 + 1 :], filtered[1 : rate // 2][::-1], atol=1e-6)  # in time: no delay


def test_low_pass_of_a_rate_that_has_nothing_above_is_refused() -> None:
    with pytest.raises(UserError, match="at 8000 Hz nothing lies above 7000 Hz"):
        signals.low_pass(tone(100, rate=8000), 8000, 7000)


@pytest.mark.parametrize("decibels", [0.0, 10.0])
def test_less_noisy_is_the_mixture_at_a_better_snr(decibels: float) -> None:
    clean, noise = tone(300), np.random.default_rng(0).normal(size=RATE).astype(np.float32)

    def snr(mixture: np.ndarray) -> float:
        return 10 * np.log10(np.mean(clean**2.0) / np.mean((mixture - clean) ** 2.0))

    mixture = clean + noise
    assert snr(signals.less_noisy(clean, mixture, decibels)) - snr(mixture) == pytest.approx(decibels, abs=1e-4)


def test_what_is_short_enough_is_left_whole() -> None:
    assert signals.cut(tone(100, 2.0), RATE, 2.0) == slice(0, 2 * RATE)


def test_what_is_too_long_ends_in_the_pause() -> None:
    speech = tone(200, 5.0)
    speech[round(2.5 * RATE) : round(2.9 * RATE)] = 0
    speech[round(0.5 * RATE) : round(1.0 * RATE)] = 0  # earlier than half of what may be heard
    heard = signals.cut(speech, RATE, 3.0)
    assert heard.start == 0 and 2.5 * RATE <= heard.stop <= 2.9 * RATE


def test_what_has_no_pause_is_cut_all_the_same() -> None:
    heard = signals.cut(tone(200, 5.0), RATE, 3.0)
    assert 1.5 * RATE <= heard.stop <= 3 * RATE


def test_fades_start_and_end_in_silence_and_leave_the_middle() -> None:
    faded = signals.fade(np.ones(RATE, np.float32), RATE, 0.02)
    assert faded[0] < 1e-4 and faded[-1] < 1e-4
    assert (np.diff(faded[:320]) > 0).all() and (faded[320:-320] == 1).all()
    assert np.array_equal(faded, faded[::-1])
    assert np.array_equal(signals.fade(np.ones(10, np.float32), RATE, 0.0), np.ones(10))


def test_loudness_of_the_standards_own_tone() -> None:
    """A full-scale sine of 997 Hz in one front channel is -3.01 LKFS (BS.1770-4)."""
    assert signals.loudness(tone(997, 5.0, 48000), 48000) == pytest.approx(-3.01, abs=0.05)
    assert signals.loudness(np.zeros(RATE, np.float32), RATE) == -np.inf


def test_loudness_needs_a_block() -> None:
    with pytest.raises(UserError, match=r"0\.10 s are too short"):
        signals.loudness(tone(100, 0.1), RATE)


def test_the_highest_loudness_brings_the_peak_to_the_ceiling() -> None:
    quiet = 0.1 * tone(440)
    gain = signals.highest_loudness(quiet, -30.0) + 30.0
    assert np.abs(quiet * 10 ** (gain / 20)).max() == pytest.approx(signals.PEAK, rel=1e-4)
