"""Every fault is found where it was made, and ordinary audio has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from bench.core import audio
from bench.core.types import Audio, Utterance
from bench.datasets.demo import demo_full
from metrics.checks.band import band_edge
from metrics.checks.findings import Check
from metrics.checks.signal import Signal
from tests.metrics.signals import RATE, hiss, pair, syllables, tone

CLEAN = syllables(3.0)
NOISY = CLEAN + hiss(CLEAN, 0.02)
GOOD = CLEAN + hiss(CLEAN, 0.005, seed=5)


def found(enhanced: Audio, clean: Audio | None = CLEAN, noisy: Audio = NOISY, rate: int = RATE) -> dict[str, float]:
    check = Check(pair(clean, noisy, rate))
    return {**check.of_recording, **check.of_enhanced(np.asarray(enhanced, dtype=np.float32))}


def late(signal: Audio, samples: int) -> Audio:
    return np.r_[np.zeros(samples, dtype=np.float32), signal][: signal.size]


def test_ordinary_speech_has_no_finding() -> None:
    assert found(GOOD) == found(NOISY) == found(CLEAN) == found(GOOD, clean=None) == {}


@pytest.mark.parametrize(
    ("name", "enhanced", "value"),
    [
        ("silent", 0 * GOOD, 3.0),
        ("silent", 0 * GOOD + 0.1, 3.0),
        ("digital_silence", np.where(np.arange(GOOD.size) < GOOD.size // 2, 0, GOOD), 50.0),
        ("integer_range", 32768 * GOOD, 32768 * float(np.abs(GOOD).max())),
        ("integer_range", np.round(2**23 * GOOD), 2**23 * float(np.abs(GOOD).max())),
        ("few_levels", 0.1 * np.sign(GOOD), 2.0),
        ("few_levels", np.round(8 * GOOD) / 8, 7.0),
        ("level", 0.05 * GOOD, -26.0),
        ("quiet", GOOD / 32768, -114.0),
        ("dc", GOOD + 0.03, 3.0),
        ("inverted", -GOOD, -1.0),
        ("delay", late(GOOD, 480), 30.0),
        ("delay", GOOD[1000:].tolist() + [0.0] * 1000, -62.5),
        ("delay", late(GOOD, 5), 0.3),
        ("band", audio.resample(audio.resample(GOOD, RATE, 8000), 8000, RATE), 4000.0),
        ("band", audio.resample(audio.resample(GOOD, RATE, 11025), 11025, RATE), 5512.5),
    ],
)
def test_a_fault_of_the_enhanced_speech(name: str, enhanced: Audio, value: float) -> None:
    faults = found(enhanced)
    assert faults[name] == pytest.approx(value, rel=0.1)
    beside = {
        "quiet": {"level"},
        "integer_range": {"level"},
        "silent": {"level"},
        "few_levels": {"clipped", "digital_silence"},
    }
    assert faults.keys() - {name} <= beside.get(name, set())


@pytest.mark.parametrize("gain", [1.0, 0.02])
@pytest.mark.parametrize("bits", [None, 15])
def test_clipping_is_found_at_any_level_and_resolution(gain: float, bits: int | None) -> None:
    speech = lfilter([0.4], [1, -0.9], GOOD).astype(np.float32)
    clipped = gain * np.clip(speech, -0.1, 0.1)
    if bits:
        clipped = np.round(clipped * 2**bits) / 2**bits
    share = 100 * float(np.mean(np.abs(speech) >= 0.1))
    assert 0.3 * share < found(clipped)["clipped"] <= share


@pytest.mark.parametrize("hertz", [50.0, 400.0])
@pytest.mark.parametrize("amplitude", [0.002, 0.9])
def test_the_peaks_of_a_quantised_tone_are_not_clipped(hertz: float, amplitude: float) -> None:
    quantised = np.round(32768 * amplitude * tone(hertz, rate=48000)) / 32768
    assert "clipped" not in found(quantised, clean=None, noisy=quantised.astype(np.float32), rate=48000)


def test_a_few_overshoots_are_ordinary_and_many_are_told() -> None:
    loud = GOOD / np.abs(GOOD).max()
    assert "beyond_full_scale" not in found(1.1 * loud)
    assert 1 < found(4 * loud)["beyond_full_scale"] < 50


def test_what_a_recording_has_itself_is_not_said_again() -> None:
    narrow = [audio.resample(audio.resample(x, RATE, 8000), 8000, RATE) for x in (CLEAN, NOISY, GOOD)]
    assert found(narrow[2], clean=narrow[0], noisy=narrow[1]).keys() == {"clean_band"}
    assert found(narrow[2], clean=CLEAN, noisy=narrow[1]).keys() == {"noisy_band"}
    assert found(late(NOISY, 800), noisy=late(NOISY, 800)) == {"noisy_delay": pytest.approx(50)}
    assert found(late(GOOD, 400), noisy=late(NOISY, 800)).keys() == {"noisy_delay", "delay"}


@pytest.mark.parametrize(("rate", "told"), [(8000, 4000), (12000, 6000), (16000, None), (48000, None)])
def test_a_low_rate_is_a_narrow_band(rate: int, told: float | None) -> None:
    noisy = hiss(np.zeros(rate), 0.1)
    assert Check(pair(None, noisy, rate)).of_recording == ({} if told is None else {"noisy_band": told})


def test_a_band_ends_where_the_spectrum_falls_not_where_it_slopes() -> None:
    assert band_edge(Signal(hiss(np.zeros(RATE), 0.1), RATE)) is None
    assert band_edge(Signal(audio.resample(CLEAN, RATE, 8000), 8000)) is None
    dull = lfilter([0.1], [1, -0.9], hiss(np.zeros(RATE), 0.1)).astype(np.float32)
    assert band_edge(Signal(dull, RATE)) is None


@pytest.mark.parametrize("size", [1, 2, 100])
def test_very_short_audio_can_be_checked(size: int) -> None:
    found(GOOD[:size], clean=CLEAN[:size], noisy=NOISY[:size])
    found(GOOD[:size], clean=None, noisy=NOISY[:size])


def test_what_cannot_be_compared_is_left_to_the_metrics_errors() -> None:
    broken = np.where(np.arange(GOOD.size) == 7, np.float32(np.nan), GOOD)
    for enhanced, clean in ((GOOD, broken), (broken, CLEAN), (GOOD, CLEAN[:-1]), (GOOD[:0], CLEAN)):
        assert found(enhanced, clean=clean) == {}


def test_delay_is_found_in_noise() -> None:
    noisy = late(CLEAN, 333) + hiss(CLEAN, float(CLEAN.std()))
    assert found(CLEAN, noisy=noisy)["noisy_delay"] == pytest.approx(1000 * 333 / RATE, abs=0.01)


def test_the_demo_has_no_finding() -> None:
    demo = demo_full()
    for name in (*demo.ids()[::12], "dereverb-03"):  # there a reflection is stronger than the direct sound
        assert Check(demo.load(name)).of_recording == {}


def test_real_recordings_have_no_finding_and_changed_ones_theirs(shared: Path) -> None:
    folder = shared / "realdata/vbdmd"
    for path in sorted((folder / "clean").glob("*.wav"))[:6]:
        clean, noisy = (audio.read(folder / part / path.name)[0] for part in ("clean", "noisy"))
        utterance = Utterance(path.stem, noisy, RATE, clean)
        check = Check(utterance)
        assert check.of_recording == {}
        assert check.of_enhanced(late(clean, 480)) == {"delay": pytest.approx(30)}
        narrow = audio.resample(audio.resample(noisy, RATE, 8000), 8000, RATE)
        told = Check(replace(utterance, noisy=np.round(narrow * 32768).astype(np.float32) / 32768))
        assert told.of_recording == {"noisy_band": pytest.approx(4000, rel=0.1)}
