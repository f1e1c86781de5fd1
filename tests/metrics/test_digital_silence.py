"""Zeros before a recording change no distance: nothing was added that can be heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.types import Audio
from metrics.base import create
from tests.metrics.signals import RATE, hiss, pair, syllables

DISTANCES = ("llr", "wss", "ssnr", "fwssnr", "lsd", "mcd")
RATINGS = ("csig", "cbak", "covl")
"""They depend on PESQ too, which is the standard's code and counts silence when it aligns levels."""

CLEAN = syllables(2.0) + hiss(syllables(2.0), 1e-3)
NOISY = CLEAN + hiss(CLEAN, 0.03)


def value(name: str, clean: Audio, noisy: Audio, rate: int = RATE) -> float:
    found = create(name).score(noisy, pair(clean, noisy, rate)).value
    assert found is not None
    return found


def near(name: str, plain: float) -> object:
    """Within what the frames that hold some of both change."""
    return pytest.approx(plain, abs=0.25) if name == "ssnr" else pytest.approx(plain, rel=0.05)


def padded(signal: Audio, fill: float = 0.0, where: str = "before") -> Audio:
    empty = np.full(6 * RATE, fill, dtype=np.float32)
    parts = {"before": [empty, signal], "after": [signal, empty], "amid": [signal[:RATE], empty, signal[RATE:]]}
    return np.concatenate(parts[where])


@pytest.mark.parametrize("where", ["before", "after", "amid"])
@pytest.mark.parametrize("name", DISTANCES)
def test_digital_silence_is_left_out(name: str, where: str) -> None:
    plain = value(name, CLEAN, NOISY)
    assert value(name, padded(CLEAN, where=where), padded(NOISY, where=where)) == near(name, plain)


@pytest.mark.parametrize("name", ["llr", "ssnr", "lsd"])
def test_so_are_a_constant_and_zeros_that_were_resampled(name: str) -> None:
    plain = value(name, CLEAN, NOISY)
    assert value(name, padded(CLEAN, 1e-4), padded(NOISY, 1e-4)) == near(name, plain)
    clean, noisy = (audio.resample(padded(signal), RATE, 3 * RATE) for signal in (CLEAN, NOISY))
    assert value(name, clean, noisy, 3 * RATE) == near(name, plain)


@pytest.mark.parametrize("name", ["llr", "ssnr", "lsd", "mcd"])
def test_what_was_invented_where_the_clean_speech_is_silent_has_no_distance(name: str) -> None:
    plain = value(name, CLEAN, NOISY)
    assert value(name, padded(CLEAN), padded(NOISY, 0.0) + hiss(padded(NOISY), 1e-6)) == near(name, plain)


@pytest.mark.parametrize("name", DISTANCES)
def test_quiet_noise_is_not_silence(name: str) -> None:
    """A pause as quiet as 16 bits can hold counts as it did."""
    pause = np.round(hiss(padded(CLEAN), 0.5)) / 2**15
    clean = padded(CLEAN) + np.where(padded(CLEAN) == 0, pause, 0).astype(np.float32)
    plain, with_pause = value(name, CLEAN, NOISY), value(name, clean, padded(NOISY))
    assert with_pause != near(name, plain)


@pytest.mark.parametrize("name", ["silence_energy", "silence_voicing"])
def test_padding_is_no_pause_where_there_are_others(name: str) -> None:
    rest = np.r_[CLEAN, hiss(CLEAN, 1e-3, seed=7)]
    noisy = rest + hiss(rest, 0.01)
    assert value(name, padded(rest), padded(noisy)) == pytest.approx(value(name, rest, noisy), abs=0.5)


def test_a_published_case(shared: Path) -> None:
    """pysepm's LLR is 1.354 without the silence, and 1.336 over the frames with energy of the padded recording."""
    folder = shared / "cases/digital_silence_before_speech/data"
    signals = {
        name: [audio.read(folder / part / f"{name}.flac")[0] for part in ("clean", "noisy")]
        for name in ("plain", "padded")
    }
    for name in (*DISTANCES, *RATINGS):
        plain, with_silence = value(name, *signals["plain"]), value(name, *signals["padded"])
        assert with_silence == (pytest.approx(plain, abs=0.15) if name in RATINGS else near(name, plain)), name
    assert value("llr", *signals["plain"]) == pytest.approx(1.354, abs=1e-3)
