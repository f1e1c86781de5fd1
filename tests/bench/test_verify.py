"""A submission is what it says, or what is wrong with it is said: each kind of tampering."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.commands.verify import seal
from bench.core import audio


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings, the floor and a classical method; sealed."""
    folder = tmp_path_factory.mktemp("honest")
    data = folder / "data"
    random = np.random.default_rng(0)
    for number in range(3):
        time = np.arange(16000) / 16000
        clean = (0.3 * np.sin(2 * np.pi * (300 + 50 * number) * time) * np.sin(8 * time)).astype(np.float32)
        audio.write(data / "clean" / f"r{number}.wav", clean, 16000)
        noisy = clean + random.normal(0, 0.02, 16000).astype(np.float32)
        audio.write(data / "noisy" / f"r{number}.wav", noisy, 16000)
    keys = ["run=mine", f"runs_dir={folder}", "methods=[noisy,logmmse]", "metrics=[si_sdr,lsd]", "workers=0"]
    keys += [f"datasets=[{{name: paired_folder, dir: {data}, label: mine}}]", "keep_audio=all"]
    assert main(["run", *keys]) == 0
    seal(folder / "mine")
    return folder / "mine"


@pytest.fixture
def copy(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "theirs"))


def verify(run: Path, *keys: str) -> int:
    return main(["verify", str(run), "share=1", *keys])


def test_an_honest_submission_passes(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(copy) == 0
    assert "6 rows, 12 scores computed again: as submitted" in capsys.readouterr().out


def test_a_share_is_drawn_by_the_seed(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(copy), "share=0.05", "least=3", "seed=5"]) == 0
    assert "3 scores computed again" in capsys.readouterr().out


def edited(run: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Rewrite the rows."""
    path = run / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(f"{json.dumps(one)}\n" for one in change(rows)), encoding="utf-8")


def manifest(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = run / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def outputs(run: Path) -> list[Path]:
    return sorted((run / "audio" / "mine" / "logmmse").rglob("*.wav"))


def better(run: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[-1]["scores"]["si_sdr"]["value"] += 1
        return rows

    edited(run, change)


def undefined(run: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[-1]["scores"]["si_sdr"] = {"value": None, "status": "undefined", "reason": "silence"}
        return rows

    edited(run, change)


def renamed(run: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[-1]["key"]["utterance"] = "r9"
        return rows

    edited(run, change)


def other_version(run: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[-1]["metric_versions"]["lsd"] = "another"
        return rows

    edited(run, change)


def replaced(run: Path) -> None:
    samples, rate = audio.read(outputs(run)[0])
    audio.write(outputs(run)[0], samples + np.float32(0.01), rate)


def shortened(run: Path) -> None:
    samples, rate = audio.read(outputs(run)[0])
    audio.write(outputs(run)[0], samples[:-100], rate)


def copied(run: Path) -> None:
    path = outputs(run)[0]
    clean = next(
        Path(json.loads((run / "manifest.json").read_text())["datasets"]["mine"]["options"]["dir"]).rglob(
            f"clean/{path.name}"
        )
    )
    shutil.copyfile(clean, path)


def linked(run: Path) -> None:
    path = outputs(run)[0]
    path.rename(run / "elsewhere.wav")
    path.symlink_to(run / "elsewhere.wav")


def added(run: Path) -> None:
    shutil.copyfile(outputs(run)[0], outputs(run)[0].with_name("r7.wav"))


TAMPERING: list[tuple[str, Callable[[Path], object], str]] = [
    ("a score", better, "mine/r2, logmmse: si_sdr is stored as"),
    ("a score called undefined", undefined, "si_sdr is stored as undefined, from its audio it is"),
    ("a recording's name", renamed, "mine has no recording r9"),
    ("a hard recording left out", lambda run: edited(run, lambda rows: rows[:-1]), "2 of 3 recordings; r2 missing"),
    ("a score's version", other_version, "lsd is of another version than the manifest's"),
    ("audio replaced", replaced, "si_sdr is stored as"),
    ("audio shortened", shortened, "15900 samples at 16000 Hz, but the recording has 16000"),
    ("audio removed", lambda run: outputs(run)[0].unlink(), "its audio is missing"),
    ("audio added", added, "audio of no row"),
    ("the clean recording submitted", copied, "its audio is the clean recording"),
    (
        "the data's fingerprint",
        lambda run: manifest(run, lambda told: told["datasets"]["mine"].update(fingerprint="0" * 64)),
        "fingerprint 000000000000, that of the data here is",
    ),
    (
        "a metric's version",
        lambda run: manifest(run, lambda told: told["metrics"]["lsd"].update(version="better")),
        "metric lsd: version better, here it is",
    ),
]


@pytest.mark.parametrize(("tamper", "said"), [entry[1:] for entry in TAMPERING], ids=[entry[0] for entry in TAMPERING])
def test_tampering_is_refused(
    copy: Path, tamper: Callable[[Path], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(copy)
    assert verify(copy) == 1, "the digests tell"
    told = capsys.readouterr().err
    assert "sealed" in told
    seal(copy)
    assert verify(copy) == 1, "sealed again, it is found all the same"
    assert said in capsys.readouterr().err


def test_a_link_is_no_file(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    linked(copy)
    assert verify(copy) == 1
    assert "a link, not a file" in capsys.readouterr().err
    assert main(["verify", str(copy), "seal=true"]) == 2
    assert "put the file itself in its place" in capsys.readouterr().err


def test_part_of_the_recordings_only_where_that_is_said(copy: Path) -> None:
    edited(copy, lambda rows: [one for one in rows if one["key"]["utterance"] != "r2"])
    for path in copy.rglob("r2.wav"):
        path.unlink()
    seal(copy)
    assert verify(copy) == 1
    assert verify(copy, "partial=true") == 0


def test_the_verifiers_own_data_are_taken(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "data"
    for kind in ("clean", "noisy"):
        audio.write(other / kind / "r0.wav", np.ones(16000, np.float32) / 10, 16000)
    assert verify(copy, f"data={{mine: {{name: paired_folder, dir: {other}}}}}") == 1
    assert "dataset mine: fingerprint" in capsys.readouterr().err


def test_data_that_are_not_here_are_asked_for(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))["datasets"]["mine"]["options"]["dir"]
    manifest(copy, lambda content: content["datasets"]["mine"]["options"].update(dir="/no/such/folder"))
    seal(copy)
    assert verify(copy) == 2
    assert "where it lies here: data={mine: {name: paired_folder, dir: FOLDER}}" in capsys.readouterr().err
    assert verify(copy, f"data={{mine: {{name: paired_folder, dir: {told}}}}}") == 0


@pytest.mark.parametrize(("content", "said"), [(None, "missing; whoever submits"), ("[]", "damaged")])
def test_a_submission_is_sealed(copy: Path, content: str | None, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "submission.json").unlink()
    if content is not None:
        (copy / "submission.json").write_text(content, encoding="utf-8")
    assert verify(copy) == 2
    assert said in capsys.readouterr().err
