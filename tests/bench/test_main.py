"""The command line: answers at once, one line for a mistake, an exit status that tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import __version__
from bench.__main__ import COMMANDS, main
from results.store.folder import Store
from results.store.rows import Key, Row
from tests.conftest import ROOT

HEAVY = ("torch", "numpy", "hydra", "omegaconf", "ray", "pandas", "lightning")
SLOW = ("torch", "lightning", "ray", "pandas", "librosa", "transformers")
TOYS = "import sys, tests.bench.toys; from bench.__main__ import main; sys.exit(main(sys.argv[1:]))"


HELP = [["--help"], [], ["--version"], *([name, "--help"] for name in COMMANDS)]
MISTAKES = [
    ["list", "methods"],
    ["list", "datasets"],
    ["list", "metrics"],
    ["run", "stesp=5"],
    ["run", "steps=many"],
    ["run", "methods=[nosy]"],
    ["run", "metrics=[{name: wer, recogniserr: x}]"],
    ["run", "methods=[{name: precomputed, dri: x}]"],
    ["run", "methods=[storm,{name: noisy, label: a b}]"],
    ["run", "methods=[precomputed]"],
    ["run", "--cfg", "methods=[{name: storm, checkpoint: 1_0, corrector: ald}]"],
    ["train", "optimiser.lr=fast"],
    ["check", "steps=0"],
    ["convert", "weights=both"],
    ["check", "method=strom"],
    ["enhance", "x", "rate=high"],
    ["enhance", "x", "method={name: precomputed, dri: x}"],
    ["leaderboard", "x", "confidence=95"],
]
# Calls are made one after the other in one process: a start for each would take minutes of a slow processor.
ASK = """
import contextlib, io, json, sys
from bench.__main__ import main
calls, watched = json.loads(sys.argv[1])
for call in calls:
    told, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complaint):
        status = main(call)
    loaded = [name for name in watched if name in sys.modules]
    print(json.dumps([status, told.getvalue(), complaint.getvalue(), loaded, len(sys.modules)]))
"""


def ask(calls: list[list[str]], watched: tuple[str, ...]) -> list[list[Any]]:
    """Of each call: status, what it told and complained of, which of ``watched`` are loaded, the number of modules."""
    code = [sys.executable, "-c", ASK, json.dumps([calls, watched])]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_help_imports_nothing_heavy_and_few_modules() -> None:
    for call, (status, told, complaint, loaded, modules) in zip(HELP, ask(HELP, HEAVY), strict=True):
        assert (status or 0, complaint, loaded) == (0, "", []), call
        assert told, call
        assert modules < 500, call  # how long it takes, on any processor: now below 400, and numpy would add 150


def test_mistakes_in_values_and_lists_are_told_without_torch() -> None:
    for call, (_, _, complaint, loaded, _) in zip(MISTAKES, ask(MISTAKES, SLOW), strict=True):
        assert loaded == [], call
        assert "Traceback" not in complaint, call


def test_a_terminal_is_told_of_the_start_before_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, bench.commands.calls as calls; sys.stderr.isatty = lambda: True; "
        "calls.configured('run', ['methods=[noisy,storm]']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "bench run: starting\n")


def test_cfg_knows_which_commands_work_on_something() -> None:
    assert {name for name in COMMANDS if COMMANDS[name].names} >= {"leaderboard", "card", "enhance", "mushra import"}
    assert not {name for name in ("run", "train", "check", "convert", "list") if COMMANDS[name].names}
    assert main(["run", "stesp", "--cfg"]) == 2


def test_help_shows_every_command_and_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    main(["run", "--help"])
    text = capsys.readouterr().out
    assert "seeds: [0]" in text and "# " in text


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.split() == ["sebench", __version__]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rnu"], "unknown command 'rnu': did you mean 'run'?"),
        (["run", "stesp=[5]"], "unknown key 'stesp': did you mean 'steps'?"),
        (["run", "methods=[nosy]"], "unknown method 'nosy': did you mean 'noisy'?"),
        (["run", "methods=[{name: precomputed, dri: x}]"], "unknown option of method 'precomputed' 'dri'"),
        (["run", "metrics=[pseq]", "methods=[noisy]"], "unknown metric 'pseq': did you mean 'pesq'?"),
        (["list", "method"], "did you mean 'methods'?"),
        (["list"], "usage: bench list"),
        (["data", "dmo", "x"], "did you mean 'data demo'?"),
        (["leaderboard", "/no/such/run"], "no run is stored here"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("bench: ") and told in line


def test_cfg_prints_the_composed_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--cfg", "steps=[1,2]"]) == 0
    assert "steps:\n- 1\n- 2\n" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["methods", "datasets", "metrics"])
def test_lists_name_everything_with_options(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind]) == 0
    text = capsys.readouterr().out
    known = {"methods": "precomputed", "datasets": "paired_folder", "metrics": "pesq"}
    assert known[kind] in text


def test_failed_cells_are_counted_and_the_status_is_1(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "noisy" / "clip1.wav").write_bytes(b"")
    common = ["run", f"datasets=[{recordings}]", f"runs_dir={tmp_path}", "metrics=[si_sdr]", "workers=0"]
    assert main([*common, "methods=[noisy,toy_predictor]"]) == 1
    shown = capsys.readouterr()
    assert "2 of 12 cells failed" in shown.err
    assert "clip1.wav" in shown.err
    assert "Traceback" not in shown.err
    assert "SI-SDR" in shown.out
    assert main([*common, "methods=[noisy]", "limit=1"]) == 0


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(recordings: Path, tmp_path: Path) -> Iterator[Start]:
    """``start(run, workers, seconds)``: a run of 18 cells in a process of its own, so slow a cell."""
    processes = []

    def started(run: str, workers: int, seconds: float) -> subprocess.Popen[str]:
        toys = f"methods=[noisy,{{name: toy_diffusion, log: {tmp_path / run}, seconds: {seconds}, label: toy}}]"
        keys = [toys, f"datasets=[{recordings}]", "metrics=[si_sdr]", "steps=[1,2]", f"run={run}"]
        process = subprocess.Popen(
            [sys.executable, "-c", TOYS, "run", *keys, f"workers={workers}", f"runs_dir={tmp_path / 'runs'}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs of a shell may ignore Ctrl-C
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def wait_for_rows(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    path, deadline = folder / "rows.jsonl", time.monotonic() + 240
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None and time.monotonic() < deadline, "the run could not be stopped half-way"
        time.sleep(0.02)


def untimed(folder: Path) -> dict[Key, Row]:
    return {key: replace(row, enhance_seconds=None) for key, row in Store(folder).rows().items()}


def test_a_run_killed_half_way_and_started_again_gives_the_rows_of_an_unbroken_one(
    start: Start, tmp_path: Path
) -> None:
    killed = start("killed", workers=2, seconds=0.5)
    wait_for_rows(tmp_path / "runs" / "killed", killed, 7)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    before = len(Store(tmp_path / "runs" / "killed").rows())
    assert 7 <= before < 18
    time.sleep(1)  # the workers, orphaned, end too; one of them may finish its clip

    continued, unbroken = start("killed", workers=0, seconds=0.5), start("unbroken", workers=0, seconds=0)
    for process, computed in ((continued, 18 - before), (unbroken, 18)):
        told, _ = process.communicate(timeout=240)
        assert process.returncode == 0, told
        assert f"18 cells asked for, {computed} computed now" in told
    assert untimed(tmp_path / "runs" / "killed") == untimed(tmp_path / "runs" / "unbroken")
    for key in untimed(tmp_path / "runs" / "unbroken"):
        one, other = (Store(tmp_path / "runs" / run).audio_path(key).read_bytes() for run in ("killed", "unbroken"))
        assert one == other


def test_an_interrupted_run_says_how_to_continue(start: Start, tmp_path: Path) -> None:
    process = start("stopped", workers=0, seconds=2)
    wait_for_rows(tmp_path / "runs" / "stopped", process, 3)
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "bench: interrupted; what was finished is stored, the same command continues" in told
    assert "Traceback" not in told
    assert len(Store(tmp_path / "runs" / "stopped").rows()) >= 2  # a row not yet safe on disk is taken back


def test_two_runs_cannot_write_to_one_folder(start: Start, tmp_path: Path) -> None:
    first = start("shared", workers=0, seconds=60)  # still there when the second has started, on any machine
    wait_for_rows(tmp_path / "runs" / "shared", first, 1)
    told, _ = start("shared", workers=0, seconds=60).communicate(timeout=240)
    os.killpg(first.pid, signal.SIGINT)
    first.communicate()
    assert "another `bench run` is writing here" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["leaderboard", "{}"],
        ["report", "{}"],
        ["show", "{}"],
        ["listen", "{}", "serve=false"],
        ["card", "{}.safetensors"],
        ["enhance", "{}", "out=enhanced"],
        ["run", "datasets=[{}]"],
        ["run", "checkpoint={}"],
        ["check", "checkpoint={}"],
        ["convert", "checkpoint={}.ckpt"],
        ["mushra", "export", "{}"],
        ["mushra", "serve", "{}"],
    ],
    ids=" ".join,
)
def test_a_page_of_text_where_a_name_is_wanted_is_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([argument.format("long text " * 60) for argument in arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "long text" in line and "too long" in line
