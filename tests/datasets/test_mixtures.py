"""Training pairs: determined by their index, endless, and of the kind asked for."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.errors import UserError
from bench.datasets.recipes import pools
from bench.datasets.recipes import training_pairs as mixtures
from bench.datasets.recipes.training_pairs import TrainingMixtures
from bench.datasets.synthesis import pool
from bench.datasets.synthesis.noise import white

pytest.importorskip("espeakng_loader")
pytest.importorskip("pyroomacoustics")

SMALL = "from bench.datasets.recipes import pools, training_pairs as mixtures; "
SMALL += "pools._UTTERANCES = {'train': 6, 'valid': 4}; pools._ROOMS = {'train': 2, 'valid': 1}; "


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with few utterances and rooms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "_UTTERANCES", {"train": 6, "valid": 4})
        patch.setattr(pools, "_ROOMS", {"train": 2, "valid": 1})
        folder = tmp_path_factory.mktemp("cache")
        TrainingMixtures("train", cache=folder)
        TrainingMixtures("valid", cache=folder)
    return folder


@pytest.fixture
def small(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pools, "_UTTERANCES", {"train": 6, "valid": 4})
    monkeypatch.setattr(pools, "_ROOMS", {"train": 2, "valid": 1})
    return cache


def same(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_pair_is_two_signals_of_one_length(small: Path) -> None:
    source = TrainingMixtures("train", cache=small)
    for index in range(30):
        clean, noisy = source[index]
        assert clean.dtype == noisy.dtype == np.float32 and clean.shape == noisy.shape and clean.ndim == 1
        assert 2 * 16000 <= clean.size <= 6.5 * 16000
        assert np.isfinite(noisy).all() and max(np.abs(noisy).max(), np.abs(clean).max()) <= 0.981


def test_a_pair_depends_on_its_index_and_seed_alone(small: Path) -> None:
    source = TrainingMixtures("train", seed=4, cache=small)
    forwards = [source[i] for i in range(5)]
    backwards = [source[i] for i in reversed(range(5))][::-1]
    assert all(map(same, forwards, backwards))
    assert not same(source[0], source[1])
    assert not same(source[0], TrainingMixtures("train", seed=5, cache=small)[0])
    assert not same(source[0], source[10**8])
    assert same(source[3], pickle.loads(pickle.dumps(source))[3])


def test_another_process_draws_the_same_pair(small: Path) -> None:
    command = SMALL + f"import sys; c, n = mixtures.TrainingMixtures('train', seed=4, cache={str(small)!r})[3]; "
    command += "sys.stdout.buffer.write(c.tobytes() + n.tobytes())"
    other = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    clean, noisy = TrainingMixtures("train", seed=4, cache=small)[3]
    assert other.stdout == clean.tobytes() + noisy.tobytes()


def test_a_cache_made_twice_is_the_same(small: Path, tmp_path: Path) -> None:
    again = mixtures.speech_pool(tmp_path, "valid")
    for one, other in zip(mixtures.speech_pool(small, "valid"), again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_snr_stays_in_its_range(small: Path) -> None:
    source = TrainingMixtures("train", snr=(3.0, 6.0), reverb_share=0.0, cache=small)
    for clean, noisy in (source[i] for i in range(20)):
        noise = (noisy - clean).astype(np.float64)
        assert 2.99 <= 10 * np.log10(np.mean(clean.astype(np.float64) ** 2) / np.mean(noise**2)) <= 6.01


def test_raised_low_frequencies_keep_the_snr_and_are_told(small: Path) -> None:
    def low(source: TrainingMixtures) -> float:
        shares = []
        for clean, noisy in (source[i] for i in range(12)):
            spectrum = np.abs(np.fft.rfft(noisy - clean)) ** 2
            shares.append(spectrum[np.fft.rfftfreq(clean.size, 1 / 16000) < 100].sum() / spectrum.sum())
        return float(np.median(shares))

    plain, rumbling = (TrainingMixtures(reverb_share=0, cache=small, rumble_share=share) for share in (None, 1.0))
    assert low(plain) < 0.3 < low(rumbling)
    assert "100% with raised low frequencies" in str(rumbling) and "raised" not in str(plain)
    source = TrainingMixtures(snr=(3.0, 6.0), reverb_share=0, cache=small, rumble_share=1.0)
    for clean, noisy in (source[i] for i in range(4)):
        noise = (noisy - clean).astype(np.float64)
        assert 2.99 <= 10 * np.log10(np.mean(clean.astype(np.float64) ** 2) / np.mean(noise**2)) <= 6.01


def test_a_reverberant_pair_ends_in_a_tail_after_a_clean_end(small: Path) -> None:
    source = TrainingMixtures("train", reverb_share=1.0, cache=small)
    for clean, noisy in (source[i] for i in range(8)):
        tail = slice(-3200, -1600)
        assert np.abs(clean[tail]).max() < 1e-5 < np.abs(noisy[tail]).max()


def test_low_passed_pairs_lack_the_upper_band_and_are_aligned(small: Path) -> None:
    source = TrainingMixtures("train", reverb_share=0.0, low_pass=[2000, 4000], cache=small)
    assert "low-passed at 2000 or 4000 Hz" in str(source) and "SNR" not in str(source)
    cutoffs = set()
    for clean, noisy in (source[i] for i in range(12)):
        window = np.hanning(clean.size)  # else the cut at both ends leaks into the upper band
        kept, whole, lost = (np.abs(np.fft.rfft(window * x)) ** 2 for x in (noisy, clean, noisy - clean))
        hertz = np.fft.rfftfreq(clean.size, 1 / 16000)
        gains = {cutoff: kept[hertz > cutoff].sum() / whole[hertz > cutoff].sum() for cutoff in (2000, 4000)}
        cutoffs.add(2000 if gains[2000] < 1e-4 else 4000)
        assert gains[4000] < 1e-4
        assert lost[hertz < 1700].sum() < 1e-6 * whole[hertz < 1700].sum()
    assert cutoffs == {2000, 4000}


def test_length_is_as_asked(small: Path) -> None:
    valid = TrainingMixtures("valid", size=3, cache=small)
    assert len(valid) == 3 and len(list(valid)) == 3
    with pytest.raises(IndexError):
        valid[3]


def test_own_recordings_are_used_beside_the_generated(small: Path, tmp_path: Path) -> None:
    seconds = 48000 * 2
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(seconds) / 48000)
    audio.write(tmp_path / "speech" / "deep" / "tone.wav", tone.astype(np.float32), 48000)
    audio.write(tmp_path / "noise" / "silence.flac", np.zeros(100, np.float32), 16000, "PCM_16")
    source = TrainingMixtures(
        reverb_share=0,
        speech_dirs=[tmp_path / "speech"],
        noise_dirs=[tmp_path / "noise"],
        real_share=0.5,
        cache=small,
    )
    lengths = [source[i][0].size for i in range(20)]
    assert 3 < lengths.count(32000) < 17  # the tone, resampled


def test_flite_speaks_a_quarter_of_the_generated_speech(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = np.full(40000, 0.1, np.float32)
    monkeypatch.setattr(mixtures, "flite_pool", lambda *_: [spoken])
    plain, source = (TrainingMixtures("train", reverb_share=0, flite=flite, cache=small) for flite in (False, True))
    share = np.mean([np.ptp(source[index][0]) == 0 for index in range(200)])
    assert 0.15 < share < 0.35
    assert not any(np.ptp(plain[index][0]) == 0 for index in range(50))


def test_natural_voices_have_their_share_and_speak_the_babble(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = np.full(40000, 0.1, np.float32)
    monkeypatch.setattr(mixtures, "natural_pool", lambda *_: pool.build(small / "natural", [spoken], {"kokoro": "82M"}))
    talkers: list[np.ndarray] = []
    monkeypatch.setattr(mixtures, "noises", lambda speech: talkers.extend(speech) or {"white": white})
    source = TrainingMixtures("train", reverb_share=0, natural_share=0.8, cache=small)
    share = np.mean([np.ptp(source[index][0]) == 0 for index in range(200)])
    assert 0.7 < share < 0.9 and np.array_equal(talkers[0], spoken)
    assert str(source).splitlines()[1].startswith("80% of the generated speech: 1 utterances by 40 voices of Kokoro")


def test_it_says_what_it_is_made_of(small: Path, tmp_path: Path) -> None:
    for k in range(20):
        audio.write(tmp_path / "speech" / f"s{k}" / "a.wav", np.full(100, 0.1, np.float32), 16000)
    (tmp_path / "speech" / "LICENSE").write_text("CC0 1.0")
    source = TrainingMixtures(speech_dirs=[tmp_path / "speech"], about="Thanks to all speakers.", cache=small)
    told = str(source).splitlines()
    assert told[0].startswith("6 utterances by 148 eSpeak NG")
    assert any(
        "50% of the speech: 20 files of 20 speakers in speech/ (see its LICENSE: CC0 1.0)" in line for line in told
    )
    assert told[-1] == "Thanks to all speakers."


def test_a_folder_without_audio_is_an_error(small: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no recording in it"):
        TrainingMixtures(noise_dirs=[tmp_path], cache=small)


def test_real_recordings_mix(small: Path, shared: Path) -> None:
    source = TrainingMixtures(
        speech_dirs=[shared / "traindata" / "speech"],
        noise_dirs=[shared / "traindata" / "noise"],
        real_share=1.0,
        cache=small,
    )
    for clean, noisy in (source[i] for i in range(5)):
        assert clean.size == noisy.size and np.isfinite(noisy).all()
