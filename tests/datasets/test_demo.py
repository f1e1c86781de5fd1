"""The embedded benchmark: whole, unaltered, as described, and what its script makes."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Utterance
from bench.datasets.base import create
from bench.datasets.demo import FOLDER, SHORT, Demo
from bench.datasets.recipes.active_level import active_level
from bench.datasets.synthesis import make_demo
from bench.datasets.synthesis.kokoro import VOICES
from bench.datasets.synthesis.sentences import split_of

HERE = FOLDER / "2"


@pytest.fixture(scope="module")
def clips() -> list[Utterance]:
    demo = create("demo_full")
    return [demo.load(name) for name in demo.ids()]


def test_the_full_set_is_as_described(clips: list[Utterance]) -> None:
    assert Counter(clip.tags["task"] for clip in clips) == {"denoise": 32, "dereverb": 8, "both": 8}
    assert {clip.tags["speaker"] for clip in clips} == set(VOICES["test"])
    assert Counter((clip.tags["sex"], clip.tags["accent"]) for clip in clips) == {
        (sex, accent): 12 for sex in ("female", "male") for accent in ("en-us", "en-gb")
    }
    noisy = [clip.tags for clip in clips if clip.tags["task"] == "denoise"]
    assert Counter(tags["noise"] for tags in noisy) == dict.fromkeys(make_demo.SCENES, 4)
    assert Counter(tags["speaker"] for tags in noisy) == dict.fromkeys(VOICES["test"], 4)
    assert len({(tags["speaker"], tags["noise"]) for tags in noisy}) == 32
    assert all(count in (6, 7) for count in Counter(tags["snr"] for tags in noisy).values())
    for scene in make_demo.SCENES:
        assert len({tags["snr"] for tags in noisy if tags["noise"] == scene}) >= 3
    assert len({clip.transcript for clip in clips}) == 48
    assert {clip.tags["text"] for clip in clips} == {"free", "command"}
    t60 = [float(clip.tags["t60"]) for clip in clips if "t60" in clip.tags]
    assert len(t60) == 16 and 0.3 <= min(t60) < 0.4 and 0.9 < max(t60) <= 1.0


def test_the_short_set_is_a_small_one_of_the_same_kind(clips: list[Utterance]) -> None:
    demo = create("demo")
    assert demo.name == "demo" and create("demo", subset="full").name == "demo_full"
    assert demo.ids() == [clip.id for clip in clips][: SHORT[2]]
    short = [demo.load(name).tags for name in demo.ids()]
    assert {tags["speaker"] for tags in short} == set(VOICES["test"])
    assert {tags.get("noise") for tags in short} == {*make_demo.SCENES, None}
    assert {tags.get("snr") for tags in short} == {*make_demo.SNRS, None}
    assert Counter(tags["task"] for tags in short) == {"denoise": 8, "dereverb": 2, "both": 2}
    assert demo.fingerprint() != create("demo_full").fingerprint()


def test_version_1_is_still_there() -> None:
    """Runs stored with it are continued under the same names."""
    short, full = create("demo", version=1), create("demo_full", version=1)
    assert (short.name, len(short.ids()), full.name, len(full.ids())) == ("demo", 10, "demo_full", 32)
    assert all(full.load(name).sample_rate == 16000 for name in full.ids())
    with pytest.raises(UserError, match="no version 3; it has 1, 2"):
        create("demo", version=3)


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in HERE.rglob("*")) < 12e6


def test_clips_are_sound(clips: list[Utterance]) -> None:
    for clip in clips:
        assert clip.clean is not None and clip.clean.shape == clip.noisy.shape and clip.sample_rate == 16000
        assert 2.8 <= clip.noisy.size / 16000 <= 5.5
        assert np.abs(clip.noisy).max() < 0.99 and clip.clean.any()
        sentences = clip.transcript.split() if clip.transcript else []
        assert sentences == [word.lower() for word in sentences] and len(sentences) >= 6


def test_no_sentence_is_of_training(clips: list[Utterance]) -> None:
    for clip in clips:
        assert clip.transcript
        words = clip.transcript.split()
        parts = [words] if clip.tags["text"] == "free" else [words[:6], words[6:]]
        assert all(split_of(" ".join(part)) == "test" for part in parts)


def test_the_snr_is_of_active_speech(clips: list[Utterance]) -> None:
    """Measured by another definition of activity: 20 ms frames within 35 dB of the loudest."""
    for clip in clips:
        if clip.tags["task"] == "denoise":
            assert clip.clean is not None
            noise = np.mean((clip.noisy - clip.clean).astype(np.float64) ** 2)
            frames = clip.clean[: clip.clean.size // 320 * 320].astype(np.float64).reshape(-1, 320)
            powers = np.mean(frames**2, axis=1)
            active = powers[powers > powers.max() * 10**-3.5].mean()
            assert 10 * np.log10(active / noise) == pytest.approx(clip.tags["snr"], abs=1.5)
            level, _ = active_level(clip.clean, 16000)
            assert level - 10 * np.log10(noise) == pytest.approx(clip.tags["snr"], abs=0.05)


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
    return Path(shutil.copytree(HERE, tmp_path / "demo"))


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


class Speaks:
    """In place of the synthesiser: syllables of noise, as many as there are words."""

    def __init__(self, styles: Path) -> None:
        pass

    def __call__(self, text: str, voice: str, *, speed: float = 1.0) -> Audio:
        time = np.arange(round(0.35 / speed * 16000)) / 16000
        syllable = np.sin(2 * np.pi * 200 * time) * np.hanning(time.size) * 0.1
        return np.tile(syllable, len(text.split())).astype(np.float32)


@pytest.fixture
def without_a_synthesiser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_demo, "Kokoro", Speaks)
    monkeypatch.setattr(make_demo, "_about", lambda seed: {"seed": seed})


def test_a_clip_is_the_same_alone_and_among_others(without_a_synthesiser: None) -> None:
    first, second = [clip for clip in make_demo.plan() if clip.t60 is None][:2]
    alone = make_demo.Studio(Path(), 0).render(second)
    studio = make_demo.Studio(Path(), 0)
    studio.render(first)
    among = studio.render(second)
    np.testing.assert_array_equal(alone.noisy, among.noisy)
    assert alone.transcript == among.transcript


def test_nobody_in_the_crowd_is_the_speaker_nor_says_what_a_clip_says(without_a_synthesiser: None) -> None:
    with (HERE / "manifest.csv").open() as file:
        transcripts = {row["transcript"] for row in csv.DictReader(file)}
    said: list[str] = []

    class Listens(Speaks):
        def __call__(self, text: str, voice: str, *, speed: float = 1.0) -> Audio:
            said.append(text.rstrip("."))
            return super().__call__(text, voice, speed=speed)

    studio = make_demo.Studio(Path(), 0)
    studio._speak = Listens(Path())  # type: ignore[assignment]
    assert all(len(studio.bystanders(voice)) == 2 for voice in VOICES["test"])
    assert len(said) >= 16 and not transcripts & set(said)


def test_an_existing_folder_is_not_overwritten(copied: Path, without_a_synthesiser: None) -> None:
    with pytest.raises(UserError, match="exists already"):
        make_demo.make_demo(copied, "styles.tgz")


def test_a_made_folder_is_complete(
    tmp_path: Path, without_a_synthesiser: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [clip for clip in make_demo.plan() if clip.t60 is None][:2]
    monkeypatch.setattr(make_demo, "plan", lambda: two)
    make_demo.make_demo(tmp_path / "out", "styles.tgz", seed=5)
    demo = Demo(folder=tmp_path / "out")
    assert [demo.load(name).tags["noise"] for name in demo.ids()] == ["crowd", "traffic"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("clean", "noisy", "manifest.csv", "checksums.txt", "about.json")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
