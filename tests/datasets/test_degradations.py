"""Distortions do what they say: shares, bands, packets, levels; the same for the same generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from bench.datasets.recipes.degradations import CODECS, DEGRADATIONS, low_pass, through_codec
from tests.datasets.corpora.test_mixtures import noise, planned, speech, write

RATE = 16000


@pytest.fixture(scope="module")
def coloured() -> np.ndarray:
    white = np.random.default_rng(0).standard_normal(2 * RATE)
    return lfilter([0.01], [1, -0.9], white).astype(np.float32)


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_length_kind_and_repeatability(kind: str, coloured: np.ndarray) -> None:
    one, again = (DEGRADATIONS[kind](coloured, RATE, generator()) for _ in range(2))
    assert one.speech.shape == coloured.shape
    assert one.speech.dtype == np.float32
    np.testing.assert_array_equal(one.speech, again.speech)
    assert one.tags == again.tags
    assert not np.array_equal(one.speech, coloured)


def test_clipping_and_packets_count_as_told(coloured: np.ndarray) -> None:
    clipped = DEGRADATIONS["clipping"](coloured, RATE, generator())
    changed = np.mean(clipped.speech != coloured)
    assert 100 * changed == pytest.approx(clipped.tags["clipped"], abs=0.1)
    lost = DEGRADATIONS["packet_loss"](coloured, RATE, generator())
    silent = (lost.speech.reshape(-1, 320) == 0).all(axis=1).mean()
    assert 100 * silent == pytest.approx(lost.tags["packets_lost"], abs=0.1)


def test_wind_has_its_snr(coloured: np.ndarray) -> None:
    windy = DEGRADATIONS["wind"](coloured, RATE, generator())
    rest = windy.speech.astype(float) - coloured
    snr = 10 * np.log10(np.mean(coloured.astype(float) ** 2) / np.mean(rest**2))
    assert snr == pytest.approx(windy.tags["wind_snr"], abs=0.05)


@pytest.mark.parametrize(("rate", "cutoff"), [(16000, 4000), (48000, 4000), (48000, 8000)])
def test_low_pass_keeps_what_is_below_in_place(rate: int, cutoff: float) -> None:
    white = np.random.default_rng(1).standard_normal(rate).astype(np.float32)
    spectra = [np.abs(np.fft.rfft(signal)) ** 2 for signal in (white, low_pass(white, rate, cutoff))]
    ratio = [
        10 * np.log10(np.mean(spectra[1][part]) / np.mean(spectra[0][part]))
        for part in (slice(0, round(0.85 * cutoff)), slice(round(1.05 * cutoff), rate // 2))
    ]
    assert abs(ratio[0]) < 0.5
    assert ratio[1] < -50
    kept = np.arange(rate // 2 + 1) < 0.85 * cutoff
    below = np.fft.irfft(np.where(kept, np.fft.rfft(white), 0))
    got = np.fft.irfft(np.where(kept, np.fft.rfft(low_pass(white, rate, cutoff)), 0))
    assert np.corrcoef(below[600:-600], got[600:-600])[0, 1] > 0.999


@pytest.mark.parametrize("name", CODECS)
def test_coded_speech_is_alike_and_in_place(name: str, coloured: np.ndarray) -> None:
    heard = through_codec(coloured, RATE, name)
    assert np.corrcoef(heard, coloured)[0, 1] > 0.85


def test_recipes_distort_the_noisy_recording_alone(tmp_path: Path) -> None:
    for k in range(4):
        write(tmp_path / f"speech/s{k}.wav", speech(k))
        write(tmp_path / f"noise/n{k}.wav", noise(k))
    given = {"speech": tmp_path / "speech", "noise": tmp_path / "noise"}
    for job in planned("urgent_like", **given).jobs:
        one = job().utterance
        kinds = str(one.tags["distortions"]).split("+")
        assert 1 <= len(kinds) <= 3
        assert set(kinds) <= set(DEGRADATIONS)
        assert one.clean is not None
        assert np.abs(one.noisy).max() <= 0.981
    wide = planned("bandwidth_extension", speech=tmp_path / "speech")
    assert {job().utterance.tags["bandwidth"] for job in wide.jobs} <= {4000, 8000}
    assert {job().utterance.sample_rate for job in wide.jobs} == {48000}
