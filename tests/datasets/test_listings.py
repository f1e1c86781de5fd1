"""Lists as other tools write them: Kaldi's, JSON lines, Hugging Face's audio folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.errors import UserError
from bench.datasets.paired_folder import PairedFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        for side in ("in", "out"):
            audio.write(tmp_path / f"{side}/{name}.wav", np.full(1600, 0.1, np.float32), 16000)
    return tmp_path


def test_kaldis_data_folder(folder: Path) -> None:
    (folder / "wav.scp").write_text("utt-a in/a.wav\nutt-b in/b.wav\n")
    (folder / "spk1.scp").write_text(f"utt-b {folder}/out/b.wav\n")
    (folder / "text").write_text("utt-a hello there\nutt-b bye\n")
    (folder / "utt2spk").write_text("utt-a anna\nutt-b bert\n")
    for data in (PairedFolder(manifest=folder / "wav.scp"), PairedFolder(dir=folder)):
        assert data.ids() == ["utt-a", "utt-b"]
        one, other = map(data.load, data.ids())
        assert (one.clean, one.transcript, dict(one.tags)) == (None, "hello there", {"speaker": "anna"})
        assert other.clean is not None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a sph2pipe -f wav a.wv1 |", "line 1: 'sph2pipe -f wav a.wv1 |' is a command, and none in a list is run"),
        ("a raw.ark:123", "a place in a Kaldi archive"),
        ("a", "no file behind the id"),
        ("a in/a.wav\na in/b.wav", "line 2: the id 'a' is there twice"),
    ],
)
def test_what_kaldi_could_run_is_refused(folder: Path, line: str, message: str) -> None:
    (folder / "wav.scp").write_text(f"{line}\n")
    with pytest.raises(UserError, match=message):
        PairedFolder(manifest=folder / "wav.scp")


def test_segments_are_refused(folder: Path) -> None:
    (folder / "wav.scp").write_text("a in/a.wav\n")
    (folder / "segments").write_text("a-1 a 0 1\n")
    with pytest.raises(UserError, match="extract-segments"):
        PairedFolder(dir=folder)


def test_json_lines(folder: Path) -> None:
    rows = [
        {"id": "x/a", "noisy": "in/a.wav", "clean": "out/a.wav", "text": "hello", "snr": 5.5, "env": {"skipped": 1}},
        {"audio_filepath": "in/b.wav", "duration": 0.1},
    ]
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    data = PairedFolder(manifest=folder / "list.jsonl")
    assert data.ids() == ["x/a", "in/b"]
    one, other = map(data.load, data.ids())
    assert (one.transcript, dict(one.tags), other.clean) == ("hello", {"snr": 5.5}, None)
    assert other.transcript is None


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 1: not JSON"), ("[]", "not a JSON object"), ('{"id": "a"}', "no key 'noisy'"), ("", "no recording")],
)
def test_json_lines_that_cannot_be_read(folder: Path, line: str, message: str) -> None:
    (folder / "list.jsonl").write_text(line)
    with pytest.raises(UserError, match=message):
        PairedFolder(manifest=folder / "list.jsonl")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_hugging_faces_audio_folder(folder: Path, form: str) -> None:
    row = {"file_name": "in/a.wav", "clean_file_name": "out/a.wav", "transcription": "hello", "snr": 5}
    if form == "csv":
        (folder / "metadata.csv").write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
    else:
        (folder / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    data = PairedFolder(dir=folder)
    clip = data.load("in/a")
    assert (clip.transcript, dict(clip.tags)) == ("hello", {"snr": 5})
    assert clip.clean is not None
