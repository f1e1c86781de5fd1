"""Transcripts and tags beside recordings: what is meant by an id, and one line for whatever belongs to none."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.datasets.sidefiles import beside

IDS = ["a", "anna/01", "anna/02", "Müller"]


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "name",
    ["anna/01", "anna/01.wav", "anna/01.FLAC", "01", "01.wav", "./noisy/anna/01.wav", "ANNA/01", r"anna\01.wav"],
)
def test_an_id_as_people_write_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, "transcripts.csv", f"id,transcript\n{name},hello\n")
    write(tmp_path, "Tags.csv", f"id,snr,tags\n{name},5,sex=f\n")
    side = beside(tmp_path, IDS)
    assert side.transcripts == {"anna/01": "hello"}
    assert side.tags == {"anna/01": {"snr": 5, "sex": "f"}}
    assert [note.partition(": ")[2] for note in side.notes] == ["no transcript for 3 of 4 (a, anna/02, Müller)"]


def test_another_unicode_form(tmp_path: Path) -> None:
    write(tmp_path, "transcripts.txt", unicodedata.normalize("NFD", "Müller hello\n"))
    assert beside(tmp_path, IDS).transcripts == {"Müller": "hello"}


def test_names_with_spaces_and_ids_that_begin_another(tmp_path: Path) -> None:
    write(tmp_path, "transcripts.txt", "take 1 one\ntake 10\tten is spoken\r\ntake 2\n\ntake nothing\n")
    side = beside(tmp_path, ["take 1", "take 10", "take 2", "take"])
    assert side.transcripts == {"take 1": "one", "take 10": "ten is spoken", "take 2": "", "take": "nothing"}


def test_an_id_with_a_dot_is_no_suffix(tmp_path: Path) -> None:
    write(tmp_path, "transcripts.csv", "id,transcript\na.1,one\na.2.wav,two\n")
    assert beside(tmp_path, ["a.1", "a.2"]).transcripts == {"a.1": "one", "a.2": "two"}


def test_none_and_some_that_match(tmp_path: Path) -> None:
    path = write(tmp_path, "transcripts.csv", "id,transcript\nx,one\ny,two\n")
    with pytest.raises(UserError) as raised:
        beside(tmp_path, IDS)
    assert str(raised.value).startswith(f"{path}: none of its 2 ids is a recording's: 'x'; recordings are called 'a', ")
    write(tmp_path, "transcripts.csv", "id,transcript\nx,one\na,two\n")
    assert f"{path}: 1 of 2 ids match no recording (x)" in beside(tmp_path, IDS).notes


def test_an_id_that_could_be_two_recordings_matches_neither(tmp_path: Path) -> None:
    write(tmp_path, "transcripts.csv", "id,transcript\n01,one\nx/02,two\n")
    side = beside(tmp_path, ["x/01", "y/01", "x/02"])
    assert side.transcripts == {"x/02": "two"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("transcripts.csv", "id,transcript\na,one\na.wav,two\n", "line 3: 'a.wav' is the recording 'a', as line 2 is"),
        ("transcripts.txt", "a one\nb two\nA three\n", "line 3: 'A' is the recording 'a', as line 1 is"),
        ("transcripts.csv", "id,transcript\n", "no row in it"),
        ("transcripts.txt", "", "no row in it"),
        ("transcripts.csv", "ID,Text\na,b\n", "no column 'id'; its columns are: ID, Text"),
        ("transcripts.csv", "id\ttranscript\na\tb\n", "no column 'id'"),
        ("tags.csv", "name,snr\na,5\n", "no column 'id'"),
        ("tags.csv", "id,tags\na,loud\n", "line 2: tags are written 'snr=5; noise=babble', got 'loud'"),
        ("tags.csv", "id,snr\na,5,6\n", "line 2: 3 cells under 2 columns"),
        ("transcripts.csv", f"id,transcript\na,{'x' * 200_000}\n", "line 2: a cell of more than 100000 characters"),
        ("tags.csv", f"id,snr\na,{'9' * 200_000}\n", "line 2: a cell of more than 100000 characters"),
        (
            "transcripts.csv",
            'id,transcript\na,"one\nb,two\n',
            "the table ends within quotes; is a closing quote missing",
        ),
        ("transcripts.csv", b"id,transcript\na,\xff\xfe\n", "not UTF-8 text (invalid start byte at byte 16)"),
        ("transcripts.txt", b"a \xe4\n", "not UTF-8 text"),
        ("transcripts.csv", b"PK\x03\x04" + bytes([1]) * 100, "no column 'id'"),
        ("tags.csv", b"id,snr\na,\x00\n", ""),
    ],
)
def test_wrong_content_is_one_line(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    path = write(tmp_path, name, content)
    try:
        beside(tmp_path, IDS)
    except UserError as error:
        assert str(error).startswith(str(path)) and reason in str(error)
        assert len(str(error)) < 400
    else:
        assert not reason


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "transcripts.csv")
    with pytest.raises(UserError, match=r"transcripts\.csv: named pipe, not a file"):
        beside(tmp_path, IDS)


def test_two_of_a_kind_are_ambiguous(tmp_path: Path) -> None:
    write(tmp_path, "tags.csv", "id,snr\na,1\n")
    write(tmp_path, "tags.tsv", "id\tsnr\na\t1\n")
    with pytest.raises(UserError, match=r"tags\.tsv: tags\.csv is there too; keep one of the two"):
        beside(tmp_path, IDS)
