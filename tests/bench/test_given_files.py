"""What people give to ``bench run``: linked folders, lists of transcripts, other systems' output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.core import audio
from bench.core.errors import UserError
from bench.run.benchmark import run
from results.store.folder import Store
from results.store.rows import Row

RATE = 16000
Config = Callable[..., dict[str, Any]]


def rows(config: dict[str, Any]) -> list[Row]:
    result = run(config)
    assert not result.failures
    return list(Store(result.folder).rows().values())


def refusal(config: dict[str, Any]) -> str:
    """One line, before anything is stored."""
    with pytest.raises(UserError) as raised:
        run(config)
    assert not Path(config["runs_dir"]).exists()
    return str(raised.value)


def enhanced(recordings: Path, folder: Path, name: str = "{}", samples: int | None = None) -> dict[str, Any]:
    """Another system's output: the clean speech under other names or of another length."""
    for path in sorted((recordings / "clean").iterdir()):
        speech, rate = audio.read(path)
        audio.write(folder / f"{name.format(path.stem)}.wav", speech[:samples] / 2, rate)
    return {"name": "precomputed", "dir": str(folder), "label": "theirs"}


def test_a_linked_speaker_is_scored_as_a_copied_one(config: Config, recordings: Path, tmp_path: Path) -> None:
    copied = {row.key.utterance: row.scores["si_sdr"].value for row in rows(config(methods=["noisy"]))}
    for part in ("clean", "noisy"):
        (recordings / part).rename(tmp_path / f"other disk {part}")
        (recordings / part).mkdir()
        (recordings / part / "anna").symlink_to(tmp_path / f"other disk {part}")
    linked = {row.key.utterance: row.scores["si_sdr"].value for row in rows(config(methods=["noisy"], run="linked"))}
    assert linked == {f"anna/{name}": value for name, value in copied.items()}


def test_transcripts_that_match_nothing(config: Config, recordings: Path) -> None:
    (recordings / "transcripts.csv").write_text("id,transcript\nother1.wav,one\nother2.wav,two\n")
    told = refusal(config(methods=["noisy"]))
    assert told.startswith(f"{recordings}/transcripts.csv: none of its 2 ids is a recording's: 'other1.wav'; ")


def test_what_is_not_read_is_said_first(config: Config, recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recordings / "noisy/clip9.m4a").write_bytes(b"x")
    (recordings / "transcripts.csv").write_text("id,transcript\nclip0.wav,one\nother.wav,two\n")
    rows(config(methods=["noisy"]))
    first, second, third, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"note: {recordings}/noisy: not read: 1 x format that cannot be read")
    assert second == f"note: {recordings}/transcripts.csv: 1 of 2 ids match no recording (other.wav)"
    assert third.startswith(f"note: {recordings}/transcripts.csv: no transcript for 5 of 6 (clip1, ")


@pytest.mark.parametrize("name", ["{}_enhanced", "noisy/{}"])
def test_names_of_other_systems(config: Config, recordings: Path, tmp_path: Path, name: str) -> None:
    theirs = enhanced(recordings, tmp_path / "theirs", name)
    pattern = name.format("{id}")
    told = refusal(config(methods=["noisy", theirs]))
    assert f"'{name.format('clip0')}' here, 'clip0' wanted" in told and f"pattern: '{pattern}'" in told
    enhanced(recordings, tmp_path / "theirs", "{}_noisy", samples=5)
    found = rows(config(methods=[{**theirs, "pattern": pattern}]))
    assert len(found) == 6 and all((row.scores["si_sdr"].value or 0) > 60 for row in found)


def test_frames_that_are_missing(config: Config, recordings: Path, tmp_path: Path) -> None:
    theirs = enhanced(recordings, tmp_path / "theirs", samples=round(0.6 * RATE) - 304)
    assert "304 fewer: if it is the same recording, tolerance: 304 pads" in refusal(config(methods=["noisy", theirs]))
    found = rows(config(methods=[{**theirs, "tolerance": 512}]))
    assert [row.adjusted for row in found] == 6 * [{"samples": -304}]
    assert all((row.scores["si_sdr"].value or 0) > 10 for row in found)


def test_one_dataset_that_fits_is_enough(
    config: Config, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = enhanced(recordings, tmp_path / "theirs")
    for part in ("clean", "noisy"):
        audio.write(tmp_path / "second" / part / "x.wav", audio.read(recordings / part / "clip0.wav")[0], RATE)
    result = run(config(methods=[theirs], datasets=[str(recordings), str(tmp_path / "second")]))
    assert (result.asked, len(result.failures)) == (7, 1)
    assert "none of its 6 files has the name of a recording: 'clip0' here, 'x' wanted" in capsys.readouterr().err
