"""Folders and manifests of recordings: what pairs, what is refused, and in which words."""

from __future__ import annotations

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
    with pytest.raises(UserError, match="clean: no file in it has the name of one in"):
        PairedFolder(folder)


def test_folders_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        PairedFolder(tmp_path / "nowhere")
    (tmp_path / "noisy").mkdir()
    with pytest.raises(UserError, match="noisy: no WAV or FLAC file in it"):
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
    assert message(folder) == "noisy/a.wav: 2 channels; ask for mixdown=true to average them"
    assert np.array_equal(PairedFolder(folder, mixdown=True).load("a").noisy, tone() / 2)


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
        ("transcripts.txt", "a one, two\nsub/b\n\nunknown three\n"),
    ],
)
def test_transcripts_beside_the_recordings(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, encoding="utf-8")
    dataset = PairedFolder(folder)
    assert [dataset.load(name).transcript for name in dataset.ids()] == ["one, two", None]


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
    assert (second.clean, second.transcript, second.tags) == (None, None, {"speaker": "nan"})


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
