"""Mixtures of a user's own speech and noise: the SNR asked for, the same every time, one line for bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.datasets import create

RATE = 16000


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(0)
    for k in range(6):
        tone = 0.1 * np.sin(2 * np.pi * (200 + 50 * k) * np.arange(RATE) / RATE)
        audio.write(tmp_path / f"speech/s{k % 2}/{k}.wav", tone.astype(np.float32), RATE)
    audio.write(tmp_path / "noise/street/a.wav", rng.standard_normal(RATE // 2).astype(np.float32), RATE)
    audio.write(tmp_path / "noise/b.flac", 0.1 * rng.standard_normal(RATE).astype(np.float32), RATE // 2, "PCM_16")
    return {"speech": str(tmp_path / "speech"), "noise": str(tmp_path / "noise")}


def test_each_mixture_has_the_snr_of_its_tag_and_does_not_clip(folders: dict[str, str]) -> None:
    data = create("mixed_folders", **folders, snr=(-5, 5))
    for name in data.ids():
        mixed = data.load(name)
        assert mixed.clean is not None
        noise = mixed.noisy.astype(float) - mixed.clean
        snr = 10 * np.log10(np.mean(np.square(mixed.clean, dtype=float)) / np.mean(noise**2))
        assert snr == pytest.approx(mixed.tags["snr"], abs=0.01)
        assert -5 <= snr <= 5
        assert np.abs(mixed.noisy).max() <= 0.981
        assert mixed.tags["speaker"] == name.split("/")[0]
    assert {data.load(name).tags["noise"] for name in data.ids()} == {"street/a", "b"}


def test_a_mixture_depends_on_the_seed_and_its_id_alone(folders: dict[str, str]) -> None:
    whole, part = create("mixed_folders", **folders), create("mixed_folders", **folders, limit=2)
    other = create("mixed_folders", **folders, seed=1)
    assert part.ids() == ["s0/0", "s1/5"]
    for name in part.ids():
        np.testing.assert_array_equal(whole.load(name).noisy, part.load(name).noisy)
        assert not np.array_equal(whole.load(name).noisy, other.load(name).noisy)
    assert len({data.fingerprint() for data in (whole, part, other)}) == 3


def test_transcripts_lie_in_the_speech_folder(folders: dict[str, str]) -> None:
    (Path(folders["speech"]) / "transcripts.txt").write_text("s0/0 hello there\n")
    assert create("mixed_folders", **folders).load("s0/0").transcript == "hello there"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "nowhere"}, "nowhere: no such folder"),
        ({"snr": (5, -5)}, "snr must be a range"),
        ({"limit": 0}, "limit must be"),
        ({"name": "a b"}, "may hold letters"),
    ],
)
def test_bad_options_get_one_line(folders: dict[str, str], options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        create("mixed_folders", **{**folders, **options})


def test_silence_is_named(folders: dict[str, str]) -> None:
    audio.write(Path(folders["speech"]) / "s0/0.wav", np.zeros(RATE, np.float32), RATE)
    data = create("mixed_folders", **folders)
    with pytest.raises(UserError, match=r"s0/0\.wav: silent"):
        data.load("s0/0")


def test_linked_speech_compressed_noise_and_what_is_not_read(folders: dict[str, str], tmp_path: Path) -> None:
    speech, noise = Path(folders["speech"]), Path(folders["noise"])
    (speech / "s0").rename(tmp_path / "elsewhere")
    (speech / "s0").symlink_to(tmp_path / "elsewhere")
    (speech / "transcripts.txt").write_text("0 hello there\n9 nobody\n")
    (speech / "tags.csv").write_text("id,sex,snr\ns0/0,f,99\n")
    (noise / "more.m4a").write_bytes(b"x")
    data = create("mixed_folders", **folders)
    assert len(data.ids()) == 6
    mixed = data.load("s0/0")
    assert mixed.transcript == "hello there" and mixed.tags["sex"] == "f" and mixed.tags["snr"] != 99
    told = [note.replace(str(tmp_path), "") for note in data.notes()]
    assert told == [
        "/noise: not read: 1 x format that cannot be read, convert it to WAV or FLAC (more.m4a)",
        "/speech/transcripts.txt: 1 of 2 ids match no recording (9)",
        "/speech/transcripts.txt: no transcript for 5 of 6 (s0/2, s0/4, s1/1, ...)",
    ]


def test_one_channel_of_several(folders: dict[str, str]) -> None:
    noise = np.random.default_rng(1).standard_normal((RATE, 2)).astype(np.float32)
    for path in Path(folders["noise"]).rglob("*.*"):
        path.unlink()
    soundfile.write(Path(folders["noise"]) / "two.wav", 0.1 * noise, RATE)
    with pytest.raises(UserError, match="2 channels; channel: 0 takes the first"):
        create("mixed_folders", **folders).load("s0/0")
    assert create("mixed_folders", **folders, channel=0).load("s0/0").noisy.any()
