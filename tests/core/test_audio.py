"""Sound comes back as it went to disk, and whatever cannot is refused in one line that names the file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError

RATE = 16000
NOISE = (0.3 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        audio.read(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("samples", [1, 2, RATE])
def test_float_wav_is_exact(tmp_path: Path, samples: int) -> None:
    expected = 3 * NOISE[:samples]  # beyond full scale, too
    audio.write(tmp_path / "a.wav", expected, 44100)
    found, rate = audio.read(tmp_path / "a.wav")
    assert (rate, found.dtype, found.shape) == (44100, np.float32, (samples,))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_integers_are_the_nearest(tmp_path: Path, suffix: str, subtype: str, bits: int) -> None:
    path = tmp_path / f"a.{suffix}"
    audio.write(path, tone(440, RATE), RATE, subtype)
    once = audio.read(path)[0]
    assert np.abs(once - tone(440, RATE)).max() <= 2.0**-bits
    audio.write(path, once, RATE, subtype)
    assert np.array_equal(audio.read(path)[0], once)
    audio.write(path, np.array([1.0, 9.0, -1.0, -9.0], np.float32), RATE, subtype)
    assert audio.read(path)[0].tolist() == [1 - 2.0 ** (1 - bits)] * 2 + [-1, -1]


def test_nothing_but_the_samples_is_in_a_float_wav(tmp_path: Path) -> None:
    """The same samples make the same bytes; libsndfile would put the time of day into a PEAK chunk."""
    for name in ("a.wav", "b.wav"):
        audio.write(tmp_path / name, NOISE, RATE)
    data = (tmp_path / "a.wav").read_bytes()
    assert data == (tmp_path / "b.wav").read_bytes()
    assert b"PEAK" not in data[: -4 * RATE]


def test_channels_are_refused_or_averaged(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([NOISE, tone(440, RATE)], 1), RATE, subtype="FLOAT")
    assert refusal(path) == "2 channels; channel: 0 takes the first, mixdown: true their average"
    found = audio.read(path, mixdown=True)[0]
    assert found == pytest.approx((NOISE + tone(440, RATE)) / 2, abs=1e-7)
    assert found.ndim == 1
    assert np.array_equal(audio.read(path, channel=1)[0], tone(440, RATE))
    with pytest.raises(UserError, match=r"a\.wav: no channel 2; it has 2, counted from 0"):
        audio.read(path, channel=2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    broken = NOISE.copy()
    broken[100] = value
    audio.write(tmp_path / "a.wav", broken, RATE)
    assert refusal(tmp_path / "a.wav") == "the samples hold NaN or infinity"


def test_empty_missing_and_foreign_files(tmp_path: Path) -> None:
    audio.write(tmp_path / "empty.wav", NOISE[:0], RATE)
    assert refusal(tmp_path / "empty.wav") == "the file holds no samples"
    assert refusal(tmp_path / "missing.wav") == "no such file"
    assert refusal(tmp_path) == "folder, not a file"
    for content in (b"", b"this is no sound"):
        (tmp_path / "text.wav").write_bytes(content)
        assert refusal(tmp_path / "text.wav").startswith("not a readable audio file (")


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_a_wav_file_cut_off_is_not_taken_for_a_short_one(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    audio.write(path, NOISE, RATE, subtype)
    data = path.read_bytes()
    path.write_bytes(data[:-1000])
    assert refusal(path) == "the file is cut off, 1000 bytes of samples are missing"


def test_a_flac_file_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    audio.write(path, NOISE, RATE, "PCM_16")
    path.write_bytes(path.read_bytes()[:10000])
    assert refusal(path).startswith("not a readable audio file (")


@pytest.mark.parametrize("placeholder", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_file_from_a_pipe_is_read_to_its_end(tmp_path: Path, placeholder: int) -> None:
    """Programs that cannot seek back leave a placeholder for the length."""
    path = tmp_path / "a.wav"
    audio.write(path, NOISE, RATE, "PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = placeholder.to_bytes(4, "little")
    path.write_bytes(data)
    assert audio.read(path)[0].size == NOISE.size


def test_writing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new/folder/a.wav"
    audio.write(path, NOISE, RATE)

    def stops_half_way(target: Path, *_: object, **__: object) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(audio.soundfile, "write", stops_half_way)
    with pytest.raises(KeyboardInterrupt):
        audio.write(path, tone(440, RATE), RATE, "PCM_16")
    assert np.array_equal(audio.read(path)[0], NOISE)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.wav"]


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match=r"file/a.wav: cannot be written \("):
        audio.write(tmp_path / "file/a.wav", NOISE, RATE)


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        audio.write(tmp_path / "a.wav", NOISE, RATE)
    finally:
        os.umask(umask)
    assert (tmp_path / "a.wav").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("source", "target"), [(16000, 48000), (48000, 16000), (44100, 16000), (16000, 8000)])
def test_resampling_keeps_a_tone(source: int, target: int) -> None:
    """Frequency, level and phase: it is the same tone sampled at the other rate."""
    found = audio.resample(tone(1000, source), source, target)
    assert (found.size, found.dtype) == (target, np.float32)
    middle = slice(target // 10, -target // 10)
    assert np.abs(found - tone(1000, target))[middle].max() < 1e-4


def test_resampling_removes_what_the_lower_rate_cannot_hold() -> None:
    found = audio.resample(tone(6000, 16000), 16000, 8000)
    assert np.abs(found[1000:-1000]).max() < 1e-4


def test_resampling_to_the_same_rate_does_nothing() -> None:
    assert audio.resample(NOISE, RATE, RATE) is NOISE
