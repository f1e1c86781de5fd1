"""The embedded benchmark: whole, unaltered, as described, and what its script makes."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Utterance
from bench.datasets.base import create
from bench.datasets.demo import FOLDER, SHORT, Demo
from bench.datasets.synthesis import make_demo
from bench.datasets.synthesis.sentences import split_of
from bench.datasets.synthesis.voices import VOICES


@pytest.fixture(scope="module")
def clips() -> list[Utterance]:
    demo = create("demo_full")
    return [demo.load(name) for name in demo.ids()]


def test_the_full_set_is_as_described(clips: list[Utterance]) -> None:
    assert len(clips) == 32
    assert Counter(clip.tags["task"] for clip in clips) == {"denoise": 24, "dereverb": 8}
    assert len({(clip.tags["speaker"], clip.tags["sex"]) for clip in clips}) == 6
    noisy = [clip.tags for clip in clips if clip.tags["task"] == "denoise"]
    assert Counter(tags["noise"] for tags in noisy) == dict.fromkeys(make_demo.NOISES, 4)
    assert Counter(tags["speaker"] for tags in noisy) == {voice.variant: 4 for voice in VOICES["test"]}
    assert len({(tags["speaker"], tags["noise"]) for tags in noisy}) == 24
    assert all(count in (4, 5) for count in Counter(tags["snr"] for tags in noisy).values())
    for noise in make_demo.NOISES:
        assert len({tags["snr"] for tags in noisy if tags["noise"] == noise}) >= 3
    assert len({clip.transcript for clip in clips}) == 32
    assert {clip.tags["text"] for clip in clips} == {"free", "command"}
    t60 = [float(clip.tags["t60"]) for clip in clips if clip.tags["task"] == "dereverb"]
    assert 0.4 <= min(t60) < 0.5 and 0.9 < max(t60) <= 1.0


def test_the_short_set_is_a_small_one_of_the_same_kind(clips: list[Utterance]) -> None:
    demo = create("demo")
    assert demo.name == "demo" and create("demo", subset="full").name == "demo_full"
    assert demo.ids() == [clip.id for clip in clips][:SHORT]
    short = [demo.load(name).tags for name in demo.ids()]
    assert {tags["speaker"] for tags in short} == {voice.variant for voice in VOICES["test"]}
    assert {tags.get("noise") for tags in short} == {*make_demo.NOISES, None}
    assert {tags.get("snr") for tags in short} == {*make_demo.SNRS, None}
    assert demo.fingerprint() != create("demo_full").fingerprint()


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 4e6


def test_clips_are_sound(clips: list[Utterance]) -> None:
    for clip in clips:
        assert clip.clean is not None and clip.clean.shape == clip.noisy.shape and clip.sample_rate == 16000
        assert 2.3 <= clip.noisy.size / 16000 <= 3.9
        assert np.abs(clip.noisy).max() < 0.99 and clip.clean.any()
        sentences = clip.transcript.split() if clip.transcript else []
        assert sentences == [word.lower() for word in sentences] and len(sentences) >= 6


def test_no_sentence_is_of_training(clips: list[Utterance]) -> None:
    for clip in clips:
        assert clip.transcript
        words = clip.transcript.split()
        parts = [words] if clip.tags["text"] == "free" else [words[:6], words[6:]]
        assert all(split_of(" ".join(part)) == "test" for part in parts)


def test_the_snr_is_the_one_it_says(clips: list[Utterance]) -> None:
    for clip in clips:
        if clip.tags["task"] == "denoise":
            clean, noisy = clip.clean.astype(np.float64), clip.noisy.astype(np.float64)  # type: ignore[union-attr]
            snr = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
            assert snr == pytest.approx(clip.tags["snr"], abs=0.02)


def test_the_target_of_a_room_is_aligned(clips: list[Utterance]) -> None:
    """Whitened cross-correlation: the first strong arrival is the direct sound, at lag 0."""
    for clip in clips:
        if clip.tags["task"] == "dereverb":
            size = 2 * clip.noisy.size
            clean, noisy = np.fft.rfft(clip.clean, size), np.fft.rfft(clip.noisy, size)
            response = np.abs(
                np.fft.irfft(noisy * clean.conj() / (np.abs(clean) ** 2 + 1e-6 * np.abs(clean).max() ** 2))
            )
            lags = np.concatenate([response[-800:], response[:800]])
            assert np.argmax(lags > 0.5 * lags.max()) - 800 in (-1, 0, 1), clip.id


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "demo"))


@pytest.mark.parametrize("side", ["clean", "noisy"])
def test_an_altered_file_is_refused_and_named(copied: Path, side: str) -> None:
    path = copied / side / "denoise-02.flac"
    samples, rate = audio.read(path)
    audio.write(path, samples * np.float32(0.5), rate, "PCM_16")
    demo = Demo(folder=copied)
    demo.load("denoise-01")
    with pytest.raises(UserError, match=rf"{side}/denoise-02.flac: altered"):
        demo.load("denoise-02")
    assert demo.fingerprint() != Demo().fingerprint()


def test_an_altered_manifest_or_a_missing_file_is_refused(copied: Path) -> None:
    demo = Demo(folder=copied)
    (copied / "noisy" / "denoise-01.flac").unlink()
    with pytest.raises(UserError, match=r"noisy/denoise-01.flac: no such file"):
        demo.load("denoise-01")
    manifest = copied / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("denoise-02,", "denoise-99,"))
    with pytest.raises(UserError, match=r"manifest.csv: altered"):
        Demo(folder=copied)
    (copied / "checksums.txt").unlink()
    with pytest.raises(UserError, match=r"checksums.txt: cannot be read"):
        Demo(folder=copied)


def test_unknown_subset_and_utterance_are_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'full'"):
        create("demo", subset="ful")
    with pytest.raises(UserError, match="did you mean 'denoise-01'"):
        create("demo").load("denoise01")


# The script


def as_made() -> bool:
    """Whether what speaks and what simulates rooms is here, in the versions that made the demo."""
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("pyroomacoustics")
    from bench.datasets.synthesis import speech

    made = make_demo.about(FOLDER)
    return made["espeak-ng"] == speech.version() and made["pyroomacoustics"] == version("pyroomacoustics")


@pytest.mark.parametrize("name", ["denoise-01", "dereverb-03"])
def test_the_script_makes_the_stored_clips(name: str) -> None:
    if not as_made():
        pytest.skip("another version of eSpeak NG or pyroomacoustics than made the demo")
    clip = next(clip for clip in make_demo.plan() if clip.id == name)
    made = make_demo.render(clip, seed=int(make_demo.about(FOLDER)["seed"]))
    stored = create("demo_full").load(name)
    assert stored.transcript == made.transcript
    for one, other in ((stored.clean, made.clean), (stored.noisy, made.noisy)):
        np.testing.assert_allclose(one, other, atol=2 / 32768)  # 16 bit


def test_bystanders_say_what_no_clip_says() -> None:
    pytest.importorskip("espeakng_loader")
    with (FOLDER / "manifest.csv").open() as file:
        transcripts = {row["transcript"] for row in csv.DictReader(file)}
    for voice in VOICES["test"]:
        said = make_demo.bystanders(voice, seed=0)
        assert len(said) == 4 and not transcripts & said.keys()


def test_an_existing_folder_is_not_overwritten(copied: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        make_demo.make_demo(copied)


def test_a_made_folder_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("pyroomacoustics")
    two = [clip for clip in make_demo.plan() if clip.noise][:2]
    monkeypatch.setattr(make_demo, "plan", lambda: two)
    make_demo.make_demo(tmp_path / "out", seed=5)
    demo = Demo(folder=tmp_path / "out")
    assert [demo.load(name).tags["noise"] for name in demo.ids()] == ["babble", "speech_shaped"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("clean", "noisy", "manifest.csv", "checksums.txt", "about.json")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
