"""A study is a file of keys, and what --cfg prints is one; arguments are sorted by one rule."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.commands.arguments import sort
from bench.conf.compose import SCHEMAS, compose, yaml
from bench.core.errors import UserError
from results.store.find import find_run
from tests.conftest import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "study.yaml"


@pytest.mark.parametrize(
    ("job", "overrides"),
    [
        ("run", ["run=1_10", "methods=[noisy,{name: precomputed, dir: 007, label: 1e5}]", "steps=[5]", "limit=3"]),
        ("run", ["run=null", "datasets=['a,b',Köln,{name: 'x: y', mixdown: true}]", "checkpoint='null'"]),
        ("train", ["method=storm", "experiment=table7_joint", "method.t_eps=0.04", "out=2024_11", "init=[1_0,b]"]),
        ("train", ["method=refinement", "network=ncsnpp_6m", "dataset.snr=[0,5]"]),
        ("leaderboard", ["strata=[snr,1_0]", "cluster=null"]),
        ("mushra_export", ["clips=[007,008]", "conditions=[{method: 1_0, steps: 5}]"]),
        *((job, []) for job in SCHEMAS),
    ],
)
def test_what_cfg_prints_is_a_study(job: str, overrides: list[str], file: Path) -> None:
    file.write_text(yaml(job, overrides), encoding="utf-8")
    assert compose(job, [str(file)]) == compose(job, overrides)


def test_texts_are_as_written_and_the_later_counts(file: Path) -> None:
    file.write_text("run: 2024_11_25\nsteps: [1, 2]\nmethods:\n- {name: precomputed, dir: 1_10}\ndatasets: '[a]'\n")
    composed = compose("run", ["steps=7", str(file), "limit=3"])
    assert (composed["run"], composed["steps"], composed["limit"]) == ("2024_11_25", [1, 2], 3)
    assert composed["methods"] == [{"name": "precomputed", "dir": "1_10"}] and composed["datasets"] == ["[a]"]
    assert compose("run", [str(file), "steps=7", "run=b"])["steps"] == [7]


def test_a_study_of_a_training_chooses_files(file: Path) -> None:
    file.write_text("method: storm\nexperiment: [table7_joint, small]\nmax_steps: 9\ndataset: {snr: [0, 5]}\n")
    overrides = ["method=storm", "experiment=[table7_joint,small]", "max_steps=9", "dataset.snr=[0,5]"]
    assert compose("train", [str(file)]) == compose("train", overrides)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stesp: 5", "unknown key 'stesp': did you mean 'steps'?"),
        ("- a", "a study is a mapping of keys"),
        ("", "a study is a mapping of keys"),
        ("run: [a", "study.yaml, line "),
        ("run: a\nrun: b", "'run' is there twice"),
        ("steps: many", "steps: each must be a whole number from 1 up; got 'many'"),
    ],
)
def test_a_mistake_in_a_study_is_one_line(text: str, told: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(text)
    assert main(["run", str(file)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_study_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nothing.yaml"]) == 2
    assert "nothing.yaml: cannot be read as a study" in capsys.readouterr().err


def test_arguments_are_sorted_by_their_form_alone() -> None:
    arguments = ["mine", "strata=[snr]", "./a=b", "/x/y=z", "study.yaml", "epoch=3.ckpt", "2024=x"]
    named, keys = sort(arguments, "leaderboard RUN... [KEY=VALUE ...]")
    assert named == ["mine", "./a=b", "/x/y=z", "2024=x"]
    assert keys == ["strata=[snr]", "study.yaml", "epoch=3.ckpt"]
    for given in ([], ["a", "b"]):
        with pytest.raises(UserError, match="usage: bench mushra serve DIR"):
            sort(given, "mushra serve DIR [KEY=VALUE ...]")


def test_a_runs_name_goes_before_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/a", "a", "b"):
        Path(folder).mkdir(parents=True)
    runs = Path("runs")
    assert find_run("a", runs) == Path("runs/a")
    assert find_run("./a", runs) == Path("a")
    assert find_run("b", runs) == Path("b")
    with pytest.raises(UserError, match=r"runs/c: no run is stored here"):
        find_run("c", runs)
    (tmp_path / "runs" / "a" / "manifest.json").touch()
    with pytest.raises(UserError, match="unknown run in runs 'aa': did you mean 'a'"):
        find_run("aa", runs)


def test_a_file_that_looks_like_a_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("epoch=3.safetensors").touch()
    for command in (["card", "epoch=3.safetensors"], ["card", "x", "epoch=3.safetensors"]):
        assert main(command) == 2
        assert "for the file write ./epoch=3.safetensors" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["list", "datasets"], ["run", "--help"]])
def test_a_reader_that_has_enough_is_no_error(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)  # nobody reads
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("bench mush", {"mushra"}),
        ("bench mushra ex", {"export"}),
        ("bench run st", {"steps="}),
        ("bench run device=", {"device=auto", "device=cpu", "device=cuda"}),
        ("bench train method=s", {"method=storm", "method=sgmse_m", "method=sgmse_bridge", "method=sips"}),
    ],
)
def test_the_shell_completes(words: str, offered: set[str]) -> None:
    asked = {"_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "bench"], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered
