"""Files that another system enhanced are found by id and must fit the recording."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Utterance
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
        (
            RATE - 1,
            RATE,
            "15999 samples, but the noisy recording has 16000; that is 1 fewer: if it is the same recording, "
            "tolerance: 1 pads its end with zeros",
        ),
        (
            8100,
            8000,
            "16200 samples (8100 at 8000 Hz), but the noisy recording has 16000; that is 200 more: if it is the same "
            "recording, tolerance: 200 cuts its end",
        ),
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
    with pytest.raises(UserError, match="no recording in it"):
        enhance(tmp_path)
    with pytest.raises(UserError, match="method 'precomputed' needs the option 'dir'"):
        create("precomputed")
    audio.write(tmp_path / "bob/01.wav", tone(RATE), RATE)
    with pytest.raises(UserError, match=r"anna/01: no such recording in any format"):
        enhance(tmp_path)
    with pytest.raises(UserError, match="must be told the utterance's id"):
        enhance(tmp_path, None)


def test_stereo_is_refused_or_averaged_when_asked(tmp_path: Path) -> None:
    audio.write(tmp_path / "anna/01.wav", np.stack([tone(RATE), np.zeros(RATE, np.float32)], 1), RATE)
    with pytest.raises(UserError, match=r"01.wav: 2 channels; channel: 0 takes the first"):
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


# Other people's names and lengths


def put(folder: Path, *names: str, samples: int = RATE) -> Path:
    for name in names:
        audio.write(folder / f"{name}.wav", tone(samples), RATE)
    return folder


def recording(utterance_id: str) -> Utterance:
    return Utterance(utterance_id, NOISY, RATE)


def preview(folder: Path, ids: list[str], **options: object) -> list[str]:
    return [
        note.replace(str(folder), "") for note in create("precomputed", dir=folder, **options).preview(ids, recording)
    ]


@pytest.mark.parametrize(("samples", "tolerance"), [(RATE - 304, 304), (RATE + 100, 304), (RATE - 1, 1)])
def test_lengths_within_the_tolerance(tmp_path: Path, samples: int, tolerance: int) -> None:
    put(tmp_path, "anna/01", samples=samples)
    enhanced = enhance(tmp_path, tolerance=tolerance)
    assert enhanced.adjusted == {"samples": samples - RATE}
    expected = tone(RATE)
    expected[samples:] = 0
    assert np.array_equal(enhanced.audio, expected)


def test_a_length_beyond_the_tolerance(tmp_path: Path) -> None:
    put(tmp_path, "anna/01", samples=RATE - 305)
    with pytest.raises(
        UserError, match=r"that is 305 fewer than tolerance: 304 allows: if .*, tolerance: 305 pads its end"
    ):
        enhance(tmp_path, tolerance=304)


def test_what_was_done_is_said(tmp_path: Path) -> None:
    audio.write(tmp_path / "anna/01.wav", tone(8000, 8000), 8000)
    assert enhance(tmp_path).adjusted == {"resampled_from": 8000}
    audio.write(tmp_path / "anna/01.wav", tone(7900, 8000), 8000)
    assert enhance(tmp_path, tolerance=200).adjusted == {"resampled_from": 8000, "samples": -200}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("anna/01_enhanced", "{id}_enhanced"),
        ("anna/01_enhanced", "{id}_enhanced.wav"),
        ("anna/enh-01", "anna/enh-{name}"),
        ("noisy/anna/01", "noisy/{id}"),
        ("01", "{name}"),
        ("anna/01_snr5_enh", "{id}_*_enh"),
        ("anna/01_noisy_and_more", "{id}*"),
        ("ANNA/01_Enhanced", "{id}_enhanced"),
    ],
)
def test_a_pattern_says_how_files_are_called(tmp_path: Path, name: str, pattern: str) -> None:
    put(tmp_path, name, "anna/011_enhanced", "bob/enh-01")
    put(tmp_path, "anna/02_noisy", "noisy/anna/03", samples=7)
    assert np.array_equal(enhance(tmp_path, pattern=pattern).audio, tone(RATE))


def test_case_unicode_form_and_format_may_differ(tmp_path: Path) -> None:
    soundfile.write(tmp_path / f"{unicodedata.normalize('NFD', 'Größe')}.OGG", tone(RATE), RATE)
    assert enhance(tmp_path, unicodedata.normalize("NFC", "größe")).audio.any()


def test_two_files_that_could_be_meant(tmp_path: Path) -> None:
    put(tmp_path, "anna/01_a", "anna/01_b")
    with pytest.raises(UserError, match=r"anna/01\*: could be anna/01_a, anna/01_b; a narrower pattern says which"):
        enhance(tmp_path, pattern="{id}*")


@pytest.mark.parametrize("pattern", ["_enhanced", "{id", "{file}", "{id}{x}", ""])
def test_patterns_that_say_no_name(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UserError, match=r"pattern: .* must say where the recording's name stands"):
        create("precomputed", dir=put(tmp_path, "a"), pattern=pattern)


@pytest.mark.parametrize("options", [{"tolerance": -1}, {"tolerance": 1.5}, {"tolerance": True}, {"channel": -1}])
def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        create("precomputed", dir=put(tmp_path, "a"), **options)


def test_one_channel_of_several(tmp_path: Path) -> None:
    audio.write(tmp_path / "anna/01.wav", np.stack([0 * tone(RATE), tone(RATE)], 1), RATE)
    assert np.array_equal(enhance(tmp_path, channel=1).audio, tone(RATE))


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (["{}_enhanced"], "'{id}_enhanced'"),
        (["{}_enhanced", "{}_noisy"], "'{id}_enhanced' or pattern: '{id}_noisy'"),
        (["noisy/{}"], "'noisy/{id}'"),
        (["deep/er/enh_{}"], "'deep/er/enh_{id}'"),
    ],
)
def test_a_folder_of_which_nothing_fits(tmp_path: Path, names: list[str], advice: str) -> None:
    ids = ["p232_052", "p232_170", "p232_171"]
    put(tmp_path, *(name.format(own) for name in names for own in ids))
    with pytest.raises(UserError) as raised:
        preview(tmp_path, ids)
    first = min(name.format(ids[0]) for name in names)
    assert str(raised.value) == (
        f"{tmp_path}: none of its {3 * len(names)} files has the name of a recording: '{first}' here, "
        f"'p232_052' wanted; say how they are called: pattern: {advice}"
    )
    assert not any("recordings" in note for note in preview(tmp_path, ids, pattern=advice.split("'")[1]))


def test_the_advice_for_names_that_vary_or_are_flat(tmp_path: Path) -> None:
    ids = ["spk/u1", "spk/u2", "spk/u3"]
    for folder, names, advice in (
        ("varying", ["u1_snr5", "u2_snr7", "u3_snr9"], "'{name}*'"),
        ("flat", ["u1", "u2", "u3"], "'{name}'"),
        ("strange", ["x", "y"], "'{id}_enhanced'"),
    ):
        with pytest.raises(UserError, match=re.escape(f"pattern: {advice}")):
            preview(put(tmp_path / folder, *names), ids)


def test_what_is_over_and_what_is_missing_is_said(tmp_path: Path) -> None:
    put(tmp_path, "a", "b", "other")
    (tmp_path / "log.txt").touch()
    assert preview(tmp_path, ["a", "b", "c"]) == [
        ": not read: 1 x no audio (log.txt)",
        ": no file for 1 of 3 recordings (c)",
        ": 1 of 3 files belong to no recording (other)",
    ]


def test_lengths_that_never_fit_are_said_once_before_the_run(tmp_path: Path) -> None:
    put(tmp_path, "a", "b", samples=RATE - 304)
    with pytest.raises(
        UserError, match=r"a\.wav: 15696 samples, .* tolerance: 304 .* \(of 2 files looked at none fits\)"
    ):
        preview(tmp_path, ["a", "b"])
    put(tmp_path, "b")
    assert preview(tmp_path, ["a", "b"]) == []


def test_a_linked_speaker_is_found(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "01")
    (tmp_path / "enhanced").mkdir()
    (tmp_path / "enhanced/anna").symlink_to(tmp_path / "elsewhere")
    assert enhance(tmp_path / "enhanced").audio.any()
