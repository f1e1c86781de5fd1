"""Training recordings packed for another machine: same names, same split, sound that is near enough."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pesq import pesq
from pystoi import stoi

from bench.core import audio
from bench.core.errors import UserError
from bench.datasets.recipes import recordings
from bench.datasets.recipes.pack import pack, unpack
from bench.datasets.synthesis import pool

RATE = 16000
REAL = Path(__file__).parents[3] / "shared" / "traindata" / "speech"


def _voice(rng: np.random.Generator, seconds: float, rate: int = RATE) -> np.ndarray:
    """A harmonic signal with an envelope, which a codec for speech codes well."""
    t = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * k * 150 * t + rng.uniform(0, 6)) / k for k in range(1, 12))
    return np.asarray(0.1 * tone * (1 + np.sin(2 * np.pi * 3 * t)), dtype=np.float32)


def _si_sdr(clean: np.ndarray, coded: np.ndarray) -> float:
    target = clean * (coded @ clean) / (clean @ clean)
    return float(10 * np.log10(np.sum(target**2) / np.sum((coded - target) ** 2)))


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for speaker in range(12):
        for sentence in range(2):
            audio.write(tmp_path / f"speech/s{speaker}/{sentence}.wav", _voice(rng, 1.0), RATE)
    audio.write(tmp_path / "noise/fan_1.wav", _voice(rng, 2.0, 48000), 48000)
    audio.write(tmp_path / "noise/rain.wav", _voice(rng, 2.0), RATE)
    (tmp_path / "files.csv").write_text(
        "path,corpus,licence\nspeech/s0/0.wav,ours,CC0\nnoise/rain.wav,theirs,CC BY 4.0\n"
    )
    return tmp_path


def _packed(corpora: Path, out: Path, kbps: int = 64) -> None:
    pack(out, {"speech": [corpora / "speech"], "noise": [corpora / "noise"]}, kbps)


def test_the_same_recordings_in_the_same_split_at_their_lengths(corpora: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    _packed(corpora, out)
    for split in ("train", "valid"):
        before = recordings.files([corpora / "speech"], split, recordings.speaker)
        after = recordings.files([out / "speech"], split, recordings.speaker)
        names = [path.relative_to(corpora / "speech").with_suffix("").as_posix() for path in before]
        assert [path.relative_to(out / "speech").with_suffix("").as_posix() for path in after] == names
        for path, again in zip(before, after, strict=True):
            original, _ = audio.read(path)
            samples, rate = audio.read(again)
            assert (samples.size, rate) == (original.size, RATE)
            assert _si_sdr(original, samples) > 10
    resampled, rate = audio.read(out / "noise/fan_1.opus")
    assert (resampled.size, rate) == (2 * RATE, RATE)
    assert "1 files, CC0" in recordings.about("speakers", [out / "speech"], recordings.speaker)


def test_continues_and_is_smaller_at_a_lower_rate(corpora: Path, tmp_path: Path) -> None:
    _packed(corpora, tmp_path / "a")
    kept = tmp_path / "a/speech/s0/0.opus"
    kept.write_bytes(b"kept")
    _packed(corpora, tmp_path / "a")
    assert kept.read_bytes() == b"kept"
    _packed(corpora, tmp_path / "b", kbps=12)
    size = {name: sum(path.stat().st_size for path in (tmp_path / name / "noise").iterdir()) for name in "ab"}
    assert size["b"] < 0.6 * size["a"]


def test_pools_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    speech = [_voice(rng, seconds) for seconds in (1.0, 0.7)]
    rooms = [rng.normal(size=size).astype(np.float32) for size in (800, 1200)]
    cache = tmp_path / "cache"
    pool.build(cache / "speech-train-1-2-kokoro-82M", iter(speech), {"kokoro": "82M"})
    pool.build(cache / "rooms-train-1-1", iter(rooms), {"recipe": 1})
    pool.build(cache / "speech-train-1-2-espeak-1", iter(speech), {})
    pack(tmp_path / "packed", {}, 48, cache)
    unpack(tmp_path / "packed", tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "rooms-train-1-1",
        "speech-train-1-2-kokoro-82M",
    ]
    said = pool.Pool(tmp_path / "new/speech-train-1-2-kokoro-82M")
    assert said.about == {"kokoro": "82M", "packed": "Opus"}
    assert [signal.size for signal in said] == [16000, 11200]
    assert _si_sdr(speech[1], said[1]) > 10
    responses = pool.Pool(tmp_path / "new/rooms-train-1-1")
    for response, again in zip(rooms, responses, strict=True):
        np.testing.assert_allclose(again, response, rtol=1e-3, atol=1e-6)


def test_two_recordings_of_one_name_are_refused(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"0\.wav: packed under the same name as"):
        pack(tmp_path / "packed", {"speech": [corpora / "speech", corpora / "speech"]})


@pytest.mark.skipif(not REAL.is_dir(), reason="no real speech here")
def test_the_default_rate_is_harmless_to_real_speech(tmp_path: Path) -> None:
    """What Opus adds at the default rate is far less than the noise of any training pair."""
    scores = []
    for number, path in enumerate(sorted(REAL.rglob("*.flac"))[::150]):
        (tmp_path / f"in/{number}").mkdir(parents=True)
        shutil.copy(path, tmp_path / f"in/{number}")
        pack(tmp_path / "out", {"speech": [tmp_path / "in"]})
        clean, _ = audio.read(path)
        coded, _ = audio.read(tmp_path / f"out/speech/{number}/{path.stem}.opus")
        scores.append((stoi(clean, coded, RATE, extended=True), pesq(RATE, clean, coded, "wb")))
    estoi, perceptual = np.mean(scores, axis=0)
    assert estoi > 0.97
    assert perceptual > 4.2  # of at most 4.64
