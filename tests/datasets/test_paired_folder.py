"""Folders and manifests of recordings: what pairs, what is refused, and in which words."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.datasets.base import create
from bench.datasets.paired_folder import PairedFolder


def tone(samples: int = 1600, hertz: float = 440, rate: int = 16000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``a`` as WAV and ``sub/b`` as FLAC and WAV, each clean and noisy."""
    root = tmp_path / "my set"
    for part, gain in (("clean", 0.5), ("noisy", 1.0)):
        audio.write(root / part / "a.wav", gain * tone(), 16000)
        audio.write(root / part / f"sub/b.{'flac' if part == 'clean' else 'wav'}", gain * tone(800), 16000, "PCM_16")
    return root


def message(root: Path, utterance: str = "a", **options: object) -> str:
    """What ``load`` says of one utterance, without the temporary folder's name."""
    with pytest.raises(UserError) as raised:
        PairedFolder(root, **options).load(utterance)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    return str(raised.value).replace(f"{root}/", "")


def test_pairs_by_relative_name(folder: Path) -> None:
    dataset = create("paired_folder", dir=str(folder))
    assert dataset.name == "my_set"
    assert dataset.ids() == ["a", "sub/b"]
    first, second = (dataset.load(name) for name in dataset.ids())
    assert (first.id, first.sample_rate, first.resampled_from, first.transcript) == ("a", 16000, None, None)
    assert np.array_equal(first.noisy, tone())
    assert first.clean is not None and np.array_equal(first.clean, 0.5 * tone())
    assert second.clean is not None
    assert second.noisy.size == second.clean.size == 800


def test_without_clean_there_is_no_reference(folder: Path) -> None:
    (folder / "clean").rename(folder / "elsewhere")
    assert create("paired_folder", dir=folder).load("a").clean is None


def test_folders_of_other_names(folder: Path) -> None:
    (folder / "clean").rename(folder / "ref")
    (folder / "noisy").rename(folder / "mix")
    with pytest.raises(UserError, match="no folder noisy/ in it; set the option 'noisy'"):
        PairedFolder(folder)
    assert PairedFolder(folder, noisy="mix", clean="ref").load("a").clean is not None
    with pytest.raises(UserError, match="wrong: no such folder"):
        PairedFolder(folder, noisy="mix", clean="wrong")


def test_limit_and_name(folder: Path) -> None:
    dataset = PairedFolder(folder, limit=1, name="mine-1.0")
    assert (dataset.name, dataset.ids()) == ("mine-1.0", ["a"])
    for options in ({"name": "a b"}, {"name": ""}, {"limit": 0}, {"limit": True}, {"sample_rate": -1}):
        with pytest.raises(UserError, match="paired_folder"):
            PairedFolder(folder, **options)


def test_hidden_and_other_files_are_passed_over(folder: Path) -> None:
    for name in ("._a.wav", ".cache/x.wav", "notes.txt"):
        path = folder / "noisy" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"nothing")
    assert PairedFolder(folder).ids() == ["a", "sub/b"]


def test_a_missing_counterpart_stays_and_says_so(folder: Path) -> None:
    (folder / "clean/a.wav").rename(folder / "clean/orphan.wav")
    dataset = PairedFolder(folder)
    assert dataset.ids() == ["a", "orphan", "sub/b"]
    assert message(folder, "a").startswith("noisy/a.wav: no clean file of that name in ")
    assert message(folder, "orphan").startswith("clean/orphan.wav: no noisy recording of that name in ")
    assert dataset.load("sub/b").clean is not None


def test_no_pair_at_all_is_found_before_anything_runs(folder: Path) -> None:
    (folder / "clean").rename(folder / "noisy/clean")
    (folder / "clean").mkdir()
    with pytest.raises(UserError, match="clean: no recording in it"):
        PairedFolder(folder)
    audio.write(folder / "clean/other.wav", tone(), 16000)
    with pytest.raises(UserError, match=r"clean: no file in it has the name of one in .*: 'other' here, 'a' there"):
        PairedFolder(folder)


def test_folders_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        PairedFolder(tmp_path / "nowhere")
    (tmp_path / "noisy").mkdir()
    with pytest.raises(UserError, match="noisy: no recording in it"):
        PairedFolder(tmp_path)
    with pytest.raises(UserError, match=r"list.csv: not a folder; for a CSV file use 'manifest'"):
        (tmp_path / "list.csv").write_text("id,noisy\n")
        PairedFolder(tmp_path / "list.csv")
    for options in ({}, {"dir": tmp_path, "manifest": tmp_path}):
        with pytest.raises(UserError, match="needs either 'dir'"):
            PairedFolder(**options)


def test_one_name_twice(folder: Path) -> None:
    audio.write(folder / "noisy/a.flac", tone(), 16000, "PCM_16")
    with pytest.raises(UserError, match=r"noisy/a\.(wav|flac): a\.(flac|wav) has the same name; keep one of the two"):
        PairedFolder(folder)


def test_an_unknown_id_is_answered_with_the_nearest(folder: Path) -> None:
    assert message(folder, "sub/bb") == "unknown utterance of 'my_set' 'sub/bb': did you mean 'sub/b'?"


def test_lengths_must_agree(folder: Path) -> None:
    audio.write(folder / "clean/a.wav", tone(1599), 16000)
    assert message(folder) == "clean/a.wav: 1599 samples, but noisy/a.wav has 1600"


def test_rates_must_agree_unless_one_is_asked_for(folder: Path) -> None:
    audio.write(folder / "clean/a.wav", tone(4801, rate=48000), 48000)
    text = "clean/a.wav: 48000 Hz, but noisy/a.wav has 16000 Hz; set sample_rate to resample both"
    assert message(folder) == text
    loaded = PairedFolder(folder, sample_rate=16000).load("a")
    assert loaded.clean is not None
    assert loaded.clean.size == loaded.noisy.size == 1600
    assert np.abs(loaded.clean - loaded.noisy)[200:-200].max() < 1e-3
    assert loaded.tags == {"clean_resampled_from": 48000}
    assert loaded.resampled_from is None
    audio.write(folder / "clean/a.wav", tone(4900, rate=48000), 48000)
    assert message(folder, sample_rate=16000) == "clean/a.wav: 0.1021 s, but noisy/a.wav has 0.1000 s"


def test_resampling_is_recorded(folder: Path) -> None:
    loaded = PairedFolder(folder, sample_rate=8000).load("a")
    assert (loaded.sample_rate, loaded.resampled_from, loaded.noisy.size) == (8000, 16000, 800)
    assert loaded.clean is not None and loaded.clean.size == 800


def test_a_single_sample(folder: Path) -> None:
    for part in ("clean", "noisy"):
        audio.write(folder / part / "a.wav", tone(2)[1:], 16000)
    assert PairedFolder(folder).load("a").noisy.size == 1
    assert message(folder, sample_rate=1000) == "noisy/a.wav: too short for a sample at 1000 Hz"


def test_stereo_is_refused_or_averaged_when_asked(folder: Path) -> None:
    soundfile.write(folder / "noisy/a.wav", np.stack([tone(), np.zeros(1600)], 1), 16000, subtype="FLOAT")
    assert message(folder) == "noisy/a.wav: 2 channels; channel: 0 takes the first, mixdown: true their average"
    assert np.array_equal(PairedFolder(folder, mixdown=True).load("a").noisy, tone() / 2)
    soundfile.write(folder / "clean/a.wav", np.stack([0 * tone(), tone()], 1), 16000, subtype="FLOAT")
    second = PairedFolder(folder, channel=1)
    assert not second.load("a").noisy.any() and np.array_equal(second.load("a").clean, tone())
    assert message(folder, "sub/b", channel=1) == "noisy/sub/b.wav: no channel 1; it has 1, counted from 0"
    assert len({PairedFolder(folder, channel=channel).fingerprint() for channel in (None, 0, 1)}) == 3
    for options in ({"channel": -1}, {"channel": True}, {"channel": 0, "mixdown": True}, {"mixdown": 1}):
        with pytest.raises(UserError, match="paired_folder: "):
            PairedFolder(folder, **options)


@pytest.mark.parametrize(
    ("part", "damage", "reason"),
    [
        ("noisy", "empty", "the file holds no samples"),
        ("clean", "zero bytes", "not a readable audio file"),
        ("noisy", "text", "not a readable audio file"),
        ("clean", "nan", "the samples hold NaN or infinity"),
    ],
)
def test_a_damaged_file_costs_its_own_utterance_alone(folder: Path, part: str, damage: str, reason: str) -> None:
    path = folder / part / "a.wav"
    if damage == "empty":
        audio.write(path, tone(0), 16000)
    elif damage == "nan":
        audio.write(path, np.full(1600, np.nan, dtype=np.float32), 16000)
    else:
        path.write_bytes(b"" if damage == "zero bytes" else b"not audio at all" * 100)
    assert message(folder).startswith(f"{part}/a.wav: {reason}")
    assert PairedFolder(folder).load("sub/b").clean is not None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("transcripts.csv", '\ufeffid,transcript,speaker\na,"one, two",x\nsub/b,,y\nunknown,three,z\n'),
        ("Transcripts.TSV", "id\ttranscript\nA.wav\tone, two\n./noisy/sub/b.flac\t\nunknown\tthree"),
        ("transcripts.txt", "a one, two\nb\n\nunknown three\n"),
    ],
)
def test_transcripts_beside_the_recordings(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, encoding="utf-8")
    dataset = PairedFolder(folder)
    assert [dataset.load(name).transcript for name in dataset.ids()] == ["one, two", ""]
    notes = [note.removeprefix(f"{folder / file}: ") for note in dataset.notes()]
    assert notes[0] == "1 of 3 ids match no recording (unknown)"
    assert notes[1].startswith("1 of 2 transcripts are empty (sub/b): nothing is said there")


def test_two_transcript_files_are_ambiguous(folder: Path) -> None:
    (folder / "transcripts.csv").write_text("id,transcript\n")
    (folder / "transcripts.txt").write_text("")
    with pytest.raises(UserError, match=r"transcripts.txt: transcripts.csv is there too"):
        PairedFolder(folder)


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "test list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_manifest(folder: Path) -> None:
    path = manifest(
        folder,
        "id,noisy,clean,transcript,snr,speaker,tags\r\n"
        'x/1,noisy/a.wav,clean/a.wav,"Six spoons, please",2.5,007,noise=babble; t60 = 1\r\n'
        "\r\n"
        f"x/2, {folder}/noisy/sub/b.wav ,,,,nan,\r\n",
    )
    dataset = create("paired_folder", manifest=path)
    assert (dataset.name, dataset.ids()) == ("test_list", ["x/1", "x/2"])
    first, second = (dataset.load(name) for name in dataset.ids())
    assert first.transcript == "Six spoons, please"
    assert first.tags == {"snr": 2.5, "speaker": "007", "noise": "babble", "t60": 1}
    assert (second.clean, second.transcript, second.tags) == (None, "", {"speaker": "nan"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column 'id'; its columns are: none"),
        ("id;noisy\na;noisy/a.wav\n", "no column 'id'; its columns are: id;noisy"),
        ("id,file\na,noisy/a.wav\n", "no column 'noisy'; its columns are: id, file"),
        (
            "id,noisy,snr,snr\na,noisy/a.wav,1,2\n",
            "every column needs a name of its own; they are: id, noisy, snr, snr",
        ),
        ("id,noisy\n", "no recording in it"),
        ("id,noisy\na,noisy/a.wav,5\n", "line 2: 3 cells under 2 columns"),
        ("id,noisy,clean\na,noisy/a.wav\n", "line 2: 2 cells under 3 columns"),
        ("id,noisy\na,\n", "line 2: 'id' and 'noisy' must not be empty"),
        ("id,noisy\na,noisy/a.wav\na,noisy/sub/b.wav\n", "line 3: the id 'a' is there twice"),
        ("id,noisy\n../a,noisy/a.wav\n", "line 2: '../a' cannot be an id; use a relative name such as"),
        ("id,noisy\n/a,noisy/a.wav\n", "line 2: '/a' cannot be an id; use a relative name such as"),
        ("id,noisy,tags\na,noisy/a.wav,loud\n", "line 2: tags are written 'snr=5; noise=babble', got 'loud'"),
        ("id,noisy\na,a.wav\n", "none of its noisy files exists; paths start at the manifest's own folder"),
    ],
)
def test_bad_manifests(folder: Path, text: str, reason: str) -> None:
    path = manifest(folder, text)
    with pytest.raises(UserError) as raised:
        PairedFolder(manifest=path)
    assert str(raised.value).startswith(str(path))
    assert reason in str(raised.value)


def test_a_manifest_that_is_no_text_or_not_there(folder: Path) -> None:
    with pytest.raises(UserError, match=r"test list.csv: not UTF-8 text"):
        PairedFolder(manifest=manifest(folder, "id,noisy\nä,noisy/a.wav\n", "latin-1"))
    with pytest.raises(UserError, match=r"missing.csv: no such file"):
        PairedFolder(manifest=folder / "missing.csv")
    with pytest.raises(UserError, match="drop the options 'noisy' and 'clean'"):
        PairedFolder(manifest=manifest(folder, "id,noisy\na,noisy/a.wav\n"), clean="clean")


def test_a_file_that_a_manifest_names_in_vain_costs_its_own_utterance(folder: Path) -> None:
    dataset = PairedFolder(manifest=manifest(folder, "id,noisy\na,noisy/a.wav\nb,noisy/b.wav\n"))
    assert dataset.load("a").noisy.size == 1600
    with pytest.raises(UserError, match=r"noisy/b.wav: no such file"):
        dataset.load("b")


def test_the_fingerprint_follows_the_data(folder: Path) -> None:
    before = PairedFolder(folder).fingerprint()
    assert before == PairedFolder(folder, name="other").fingerprint()
    changed = [PairedFolder(folder, limit=1).fingerprint(), PairedFolder(folder, sample_rate=8000).fingerprint()]
    (folder / "transcripts.txt").write_text("a words\n")
    changed.append(PairedFolder(folder).fingerprint())
    data = bytearray((folder / "clean/a.wav").read_bytes())
    data[-1] ^= 1
    (folder / "clean/a.wav").write_bytes(data)
    changed.append(PairedFolder(folder).fingerprint())
    (folder / "clean/a.wav").rename(folder / "clean/c.wav")
    changed.append(PairedFolder(folder).fingerprint())
    assert len({before, *changed}) == 1 + len(changed)


def test_real_recordings(shared: Path) -> None:
    dataset = create("paired_folder", dir=shared / "realdata/vbdmd")
    assert dataset.name == "vbdmd"
    assert len(dataset.ids()) == 10
    for utterance in map(dataset.load, dataset.ids()):
        assert utterance.sample_rate == 16000
        assert utterance.clean is not None and utterance.clean.size == utterance.noisy.size


# What people's folders are like


def test_a_linked_speaker_is_read_as_a_copied_one(folder: Path) -> None:
    for part in ("clean", "noisy"):
        (folder / part / "sub").rename(folder.parent / f"{part} elsewhere")
        (folder / part / "sub").symlink_to(folder.parent / f"{part} elsewhere")
        (folder / part / "circle").symlink_to(folder / part)
    dataset = PairedFolder(folder)
    assert dataset.ids() == ["a", "sub/b"]
    assert dataset.load("sub/b").clean is not None
    assert dataset.notes() == [
        f"{folder / part}: not read: 1 x link in a circle (circle)" for part in ("noisy", "clean")
    ]


def test_pairs_in_another_case_or_unicode_form(folder: Path) -> None:
    (folder / "clean/a.wav").rename(folder / "clean/A.WAV")
    (folder / "clean").rename(folder / "Clean")
    for part, form in (("Clean", "NFC"), ("noisy", "NFD")):
        audio.write(folder / part / f"{unicodedata.normalize(form, 'Größe')}.wav", tone(), 16000)
    dataset = PairedFolder(folder)
    assert len(dataset.ids()) == 3 and dataset.notes() == []
    assert all(dataset.load(name).clean is not None for name in dataset.ids())


def test_compressed_recordings_pair_too(folder: Path) -> None:
    for part in ("clean", "noisy"):
        soundfile.write(folder / part / "c.ogg", tone(16000), 16000)
    assert PairedFolder(folder).load("c").noisy.size == 16000


def test_what_is_left_out_is_counted_and_named(folder: Path) -> None:
    (folder / "noisy/x.m4a").write_bytes(b"x")
    (folder / "clean/a.wav").rename(folder / "clean/orphan.wav")
    (folder / "enhanced").mkdir()
    (folder / "transcripts.txt").write_text("a words\n")
    (folder / "tags.csv").write_text("id,snr\na,5\n")
    dataset = PairedFolder(folder, limit=1)
    assert [note.replace(str(folder), "") for note in dataset.notes()] == [
        "/noisy: not read: 1 x format that cannot be read, convert it to WAV or FLAC (x.m4a)",
        ": not used: 1 entries beside the recordings (enhanced)",
        ": 2 of 3 recordings are there on one side only (a, orphan)",
        "/transcripts.txt: no transcript for 2 of 3 (orphan, sub/b)",
    ]


def test_tags_beside_the_recordings(folder: Path) -> None:
    (folder / "tags.csv").write_text("id,snr,tags\na,5,sex=f; age = 30\n")
    dataset = PairedFolder(folder)
    assert (dataset.load("a").tags, dataset.load("sub/b").tags) == ({"snr": 5, "sex": "f", "age": 30}, {})


def test_a_pipe_among_the_files_of_a_manifest_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "noisy/pipe.wav")
    dataset = PairedFolder(manifest=manifest(folder, "id,noisy\na,noisy/a.wav\nb,noisy/pipe.wav\nc,noisy/c.wav\n"))
    dataset.fingerprint()
    [note] = dataset.notes()
    assert note.endswith(
        f"test list.csv: 2 of its 3 files are not there ({folder}/noisy/pipe.wav, {folder}/noisy/c.wav)"
    )
    with pytest.raises(UserError, match=r"pipe\.wav: named pipe, not a file"):
        dataset.load("b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"id,noisy,snr\na,noisy/a.wav,{'x' * 200_000}\n", "line 2: a cell of more than 100000 characters"),
        ('id,noisy\na,"noisy/a.wav\nb,noisy/b.wav\n', "the table ends within quotes"),
    ],
)
def test_a_manifest_with_an_endless_cell(folder: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        PairedFolder(manifest=manifest(folder, text))


@pytest.mark.parametrize("name", ["Köln", "ελληνικά", "हिन्दी"])
def test_a_folder_named_in_any_script_keeps_its_name(folder: Path, name: str) -> None:
    assert PairedFolder(folder.rename(folder.with_name(name))).name == name
