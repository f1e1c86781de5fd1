"""A user's folders: nobody is heard in training and in validation, long files cost little, licences are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.errors import UserError
from bench.core.folders import recordings_in
from bench.datasets.recipes import mixing, recordings
from bench.datasets.recipes import training_pairs as mixtures
from bench.datasets.recipes.training_pairs import TrainingMixtures

RATE = 16000


def tone(hertz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pitch(signal: np.ndarray) -> int:
    """The strongest frequency to the nearest 10 Hz."""
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(signal.size)))
    return round(np.argmax(spectrum) * RATE / signal.size / 10) * 10


def write(root: Path, *names: str) -> Path:
    for name in names:
        audio.write(root / name, tone(300), RATE)
    return root


# Who belongs where


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [
        (recordings.speaker, "1034/121119/1034-121119-0000.flac", "1034"),
        (recordings.speaker, "p226_001.wav", "p226"),
        (recordings.speaker, "LJ001-0001.wav", "LJ001"),
        (recordings.noise_recording, "street/market-3.wav", "market"),
        (recordings.noise_recording, "1-17367-A.wav", "1-17367"),
        (recordings.noise_recording, "noise-free-sound-0042.wav", "noise-free-sound-0042"),
        (recordings.room, "office/position_1.wav", "office"),
        (recordings.room, "office-2_3.wav", "office"),
        (recordings.room, "7.wav", "7"),
    ],
)
def test_owners_are_read_from_names(owner: Callable[[Path], str], name: str, expected: str) -> None:
    assert owner(Path(name)) == expected


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (recordings.speaker, [f"s{k}/{n}.wav" for k in range(20) for n in range(3)]),
        (recordings.speaker, [f"p{k:03d}_{n:03d}.wav" for k in range(20) for n in range(3)]),
        (recordings.noise_recording, [f"kind/rec{k}x-{n}.wav" for k in range(20) for n in range(3)]),
        (recordings.room, [f"hall{'abcdefghijklmnopqrst'[k]}x_{n}.wav" for k in range(20) for n in range(3)]),
    ],
)
def test_a_tenth_of_the_owners_is_for_validation_alone(
    tmp_path: Path, owner: Callable[[Path], str], names: list[str]
) -> None:
    write(tmp_path, *names)
    owners = {
        split: {owner(path.relative_to(tmp_path)) for path in recordings.files([tmp_path], split, owner)}
        for split in ("train", "valid")
    }
    assert len(owners["train"]) == 18 and len(owners["valid"]) == 2
    assert not owners["train"] & owners["valid"]
    both = [*recordings.files([tmp_path], "train", owner), *recordings.files([tmp_path], "valid", owner)]
    assert sorted(both) == sorted(recordings_in(tmp_path).files.values())


def test_a_speaker_in_two_folders_is_on_one_side(tmp_path: Path) -> None:
    folders = [write(tmp_path / mic, *(f"p{k}/{mic}.wav" for k in range(25))) for mic in ("mic1", "mic2")]
    write(folders[1], "p99/more.wav", "p98/more.wav", "p97/more.wav")
    held = {path.parent.name for path in recordings.files(folders, "valid", recordings.speaker)}
    heard = {path.parent.name for path in recordings.files(folders, "train", recordings.speaker)}
    assert held and heard and not held & heard


def test_a_single_owner_is_for_training(tmp_path: Path) -> None:
    write(tmp_path, "alone/1.wav", "alone/2.wav")
    assert len(recordings.files([tmp_path], "train", recordings.speaker)) == 2
    assert recordings.files([tmp_path], "valid", recordings.speaker) == []


def test_a_broken_file_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a/1.wav")
    (tmp_path / "a" / "2.wav").write_bytes(b"RIFF and no more")
    with pytest.raises(UserError, match=r"a/2\.wav: not a readable audio file"):
        recordings.files([tmp_path], "train", recordings.speaker)


# What is drawn


@pytest.fixture
def own(tmp_path: Path) -> dict[str, list[Path]]:
    """Thirty speakers who each hum one note from 400 Hz up, and thirty noises that each whistle one from 3 kHz up."""
    for k in range(30):
        audio.write(tmp_path / "speech" / f"speaker{k}" / "a.wav", tone(400 + 40 * k), RATE)
        audio.write(tmp_path / "noise" / f"{k}x.wav", tone(3000 + 40 * k), RATE)
        audio.write(tmp_path / "rooms" / f"room{k}" / "a.wav", response(200 + 10 * k), RATE)
    return {f"{kind}_dirs": [tmp_path / kind] for kind in ("speech", "noise")}


def response(delay: int) -> np.ndarray:
    """A direct sound after 100 samples and one echo ``delay`` samples later."""
    return np.concatenate([np.zeros(100), [1.0], np.zeros(delay - 1), [0.5], np.zeros(50)]).astype(np.float32)


def test_training_and_validation_share_no_speaker_and_no_noise(
    own: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_generate(monkeypatch)
    heard: dict[str, tuple[set[int], set[int]]] = {}
    for split in ("train", "valid"):
        source = TrainingMixtures(split, reverb_share=0, real_share=1, **own)
        pairs = [source[index] for index in range(80)]
        heard[split] = {pitch(clean) for clean, _ in pairs}, {pitch(noisy - clean) for clean, noisy in pairs}
    for one, other in zip(heard["train"], heard["valid"], strict=True):
        assert len(one) > 15 and len(other) > 1
        assert not one & other


def test_training_and_validation_share_no_room(
    tmp_path: Path, own: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_generate(monkeypatch)
    delays = {}
    for split in ("train", "valid"):
        source = TrainingMixtures(split, reverb_share=1, real_share=1, rir_dirs=[tmp_path / "rooms"], **own)
        delays[split] = {echo(*source[index]) for index in range(60)}
    assert len(delays["train"]) > 15 and len(delays["valid"]) > 1
    assert not delays["train"] & delays["valid"]
    assert delays["train"] | delays["valid"] <= {200 + 10 * k for k in range(30)}


def echo(clean: np.ndarray, noisy: np.ndarray) -> int:
    """The delay of the one echo: where the spectrum of noisy / clean has its second tap."""
    size = 2 * clean.size
    spectrum = np.fft.rfft(clean, size)
    ratio = np.fft.rfft(noisy, size) * spectrum.conj() / (np.abs(spectrum) ** 2 + 1e-8 * np.abs(spectrum).max() ** 2)
    taps = np.fft.irfft(ratio)[100:600]
    return 100 + int(np.argmax(taps))


def refuse_to_generate(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing needs to be generated here")

    for name in ("speech_pool", "natural_pool", "flite_pool", "room_pool"):
        monkeypatch.setattr(mixtures, name, refuse)


def test_silent_speech_that_nothing_can_replace_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_generate(monkeypatch)
    audio.write(tmp_path / "speech" / "a.wav", np.zeros(1000, np.float32), RATE)
    audio.write(tmp_path / "noise" / "a.wav", tone(500), RATE)
    source = TrainingMixtures(
        speech_dirs=[tmp_path / "speech"], noise_dirs=[tmp_path / "noise"], real_share=1, reverb_share=0
    )
    with pytest.raises(UserError, match=r"a\.wav: silence; take it out of dataset\.speech_dirs"):
        source[0]


# Reading


def test_a_long_recording_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 8000
    ramp = np.arange(90 * rate, dtype=np.float32) / (90 * rate)
    audio.write(tmp_path / "long.wav", ramp, rate)
    most = []
    original = audio.read

    def read(*arguments: object, **options: object) -> tuple[np.ndarray, int]:
        samples, rate = original(*arguments, **options)  # type: ignore[arg-type]
        most.append(samples.size)
        return samples, rate

    monkeypatch.setattr(audio, "read", read)
    rng = np.random.default_rng(0)
    speech = recordings.read_speech(tmp_path / "long.wav", rng, RATE)
    assert speech.size == 20 * RATE and np.diff(speech[1000:-1000]).min() > 0
    noise = recordings.read_noise(tmp_path / "long.wav", rng, 12345, RATE)
    assert noise.size == 12345
    assert most == [20 * rate, 6173]
    starts = {round(float(recordings.read_noise(tmp_path / "long.wav", rng, 100, RATE)[50]), 2) for _ in range(20)}
    assert len(starts) > 10


def test_a_short_noise_is_looped(tmp_path: Path) -> None:
    audio.write(tmp_path / "short.wav", np.arange(10, dtype=np.float32) / 10, RATE)
    rng = np.random.default_rng(0)
    looped = recordings.read_noise(tmp_path / "short.wav", rng, 25, RATE)
    np.testing.assert_allclose(np.diff(looped) % 1, 0.1, atol=1e-6)
    whole = mixing.fit_noise(np.random.default_rng(0), np.arange(10, dtype=np.float32) / 10, 25)
    np.testing.assert_array_equal(looped, whole)


def test_a_response_is_its_first_channel(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(
        tmp_path / "array.wav", np.stack([response(300), response(300)[::-1]], axis=1), RATE, subtype="FLOAT"
    )
    np.testing.assert_array_equal(recordings.read_response(tmp_path / "array.wav", RATE), response(300))


# Licences


def test_licences_are_found_in_a_table(tmp_path: Path) -> None:
    root = write(tmp_path / "speech", "a/1.wav", "a/2.wav", "b/1.wav", "c/1.wav")
    rows = ["path,corpus,licence", *(f"speech/a/{n}.wav,Alpha,CC BY 4.0" for n in (1, 2)), "speech/b/1.wav,Beta,CC0"]
    (tmp_path / "files.csv").write_text("\n".join([*rows, "other/1.wav,Gamma,proprietary"]))
    told = recordings.about("speakers", [root], recordings.speaker)
    assert told == "4 files of 3 speakers in speech/ (Alpha 2 files, CC BY 4.0; Beta 1 files, CC0; 1 files, not stated)"


def test_licences_are_found_in_a_text_or_said_to_be_missing(tmp_path: Path) -> None:
    root = write(tmp_path / "noise", "a.wav")
    assert "no licence stated" in recordings.about("noise recordings", [root], recordings.noise_recording)
    (root / "LICENSE").write_text("\n# Creative Commons Zero\n\nAll of it.\n")
    told = recordings.about("noise recordings", [root], recordings.noise_recording)
    assert told == "1 files of 1 noise recordings in noise/ (see its LICENSE: Creative Commons Zero)"


def test_what_is_not_read_is_told_apart_from_licences(tmp_path: Path) -> None:
    root = write(tmp_path / "noise", "a.wav")
    for name in ("LICENSE", "files.csv", "b.wma"):
        (root / name).write_text("path,licence\n")
    told = f"{root}: not read: 1 x format that cannot be read, convert it to WAV or FLAC (b.wma)"
    assert recordings.notes([root]) == [told]
    assert TrainingMixtures(noise_dirs=[root], speech_dirs=[root], real_share=1, reverb_share=0).notes() == [told, told]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(f"path,licence\na,{'x' * 200_000}\n".encode(), "line 2: a cell of more"), (b"path\n\xff\n", "not UTF-8 text")],
)
def test_a_table_of_licences_with_wrong_content_is_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    root = write(tmp_path / "noise", "a.wav")
    (root / "files.csv").write_bytes(content)
    with pytest.raises(UserError, match=rf"files\.csv.* {reason}"):
        recordings.about("noise recordings", [root], recordings.noise_recording)
