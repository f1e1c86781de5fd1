"""Files that another system enhanced are found by id and must fit the recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.errors import UserError
from methods.base import Enhanced, create

RATE = 16000
NOISY = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)


def tone(samples: int, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(samples) / rate)).astype(np.float32)


def enhance(folder: Path, utterance_id: str | None = "anna/01", **options: object) -> Enhanced:
    return create("precomputed", dir=str(folder), **options).enhance(NOISY, RATE, utterance_id=utterance_id)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_the_file_of_that_id_comes_back(tmp_path: Path, suffix: str) -> None:
    expected = np.round(tone(RATE) * 2**15) / 2**15
    audio.write(tmp_path / f"anna/01{suffix}", expected, RATE, "PCM_16")
    audio.write(tmp_path / "01.wav", tone(RATE) * 0, RATE)
    enhanced = enhance(tmp_path)
    assert np.array_equal(enhanced.audio, expected)
    assert (enhanced.nfe, enhanced.model_rate) == (0, None)


@pytest.mark.parametrize(("rate", "samples"), [(8000, 8000), (48000, 48000), (44100, 44101), (8000, 8001)])
def test_another_rate_is_resampled(tmp_path: Path, rate: int, samples: int) -> None:
    audio.write(tmp_path / "anna/01.wav", tone(samples, rate), rate)
    enhanced = enhance(tmp_path).audio
    assert enhanced.size == RATE
    assert np.abs(enhanced - tone(RATE))[500:-500].max() < 1e-3


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (RATE - 1, RATE, "15999 samples, but the noisy recording has 16000"),
        (8100, 8000, "16200 samples (8100 at 8000 Hz), but the noisy recording has 16000"),
    ],
)
def test_another_length_is_refused(tmp_path: Path, samples: int, rate: int, reason: str) -> None:
    audio.write(tmp_path / "anna/01.wav", tone(samples, rate), rate)
    with pytest.raises(UserError) as raised:
        enhance(tmp_path)
    assert str(raised.value) == f"{tmp_path}/anna/01.wav: {reason}"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        enhance(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no WAV or FLAC file in it"):
        enhance(tmp_path)
    with pytest.raises(UserError, match="method 'precomputed' needs the option 'dir'"):
        create("precomputed")
    audio.write(tmp_path / "bob/01.wav", tone(RATE), RATE)
    with pytest.raises(UserError, match=r"anna/01.wav: no such file, nor .flac"):
        enhance(tmp_path)
    with pytest.raises(UserError, match="must be told the utterance's id"):
        enhance(tmp_path, None)


def test_stereo_is_refused_or_averaged_when_asked(tmp_path: Path) -> None:
    audio.write(tmp_path / "anna/01.wav", np.stack([tone(RATE), np.zeros(RATE, np.float32)], 1), RATE)
    with pytest.raises(UserError, match=r"01.wav: 2 channels; ask for mixdown=true"):
        enhance(tmp_path)
    assert np.array_equal(enhance(tmp_path, mixdown=True).audio, tone(RATE) / 2)


def test_a_batch_takes_its_ids(tmp_path: Path) -> None:
    for name, samples in (("a", 100), ("b", 1)):
        audio.write(tmp_path / f"{name}.wav", tone(RATE)[5 : 5 + samples], RATE)
    batch = create("precomputed", dir=tmp_path).enhance_batch([NOISY[:100], NOISY[:1]], RATE, utterance_ids=["a", "b"])
    assert isinstance(batch, list)
    assert [clip.audio.size for clip in batch] == [100, 1]


def test_provenance_follows_the_files(tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", tone(100), RATE)
    first = create("precomputed", dir=tmp_path).provenance()
    assert (first["dir"], first["files"]) == (str(tmp_path), 1)
    audio.write(tmp_path / "a.wav", tone(101), RATE)
    assert create("precomputed", dir=tmp_path).provenance()["sha256"] != first["sha256"]
