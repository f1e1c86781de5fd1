"""``command``: other people's programs, those that behave and those that do not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from methods import create
from methods.base import Method


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))


NOISE = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)

PROGRAM = """
import sys, soundfile
noisy, enhanced, *rest = sys.argv[1:]
x, rate = soundfile.read(noisy, dtype="float32")
"""
HALVES = PROGRAM + "soundfile.write(enhanced, 0.5 * x, rate, subtype='FLOAT')\n"

SERVER = """
import json, sys, soundfile
for line in sys.stdin:
    asked = json.loads(line)
    x, rate = soundfile.read(asked["noisy"], dtype="float32")
    if len(x) == 7:
        raise SystemExit("seven is too few")
    if len(x) == 8:
        print("not json", flush=True); continue
    if len(x) == 9:
        print(json.dumps({"error": "nine again"}), flush=True); continue
    soundfile.write(asked["enhanced"], (asked["seed"] or 1) % 7 * x, rate, subtype="FLOAT")
    print(json.dumps({"nfe": 2 * (asked["steps"] or 0)}), flush=True)
"""


def program(folder: Path, text: str, extra: str = "", **options: object) -> Method:
    script = folder / "enhance it.py"
    script.write_text(text)
    run = f"python '{script}'" + ("" if options.get("mode") == "server" else " {noisy} {enhanced}") + extra
    return create("command", run=run, python=sys.executable, **options)


def test_a_program_is_given_each_recording(tmp_path: Path) -> None:
    method = program(tmp_path, HALVES)
    enhanced = method.enhance(NOISE, 16000)
    np.testing.assert_array_equal(enhanced.audio, 0.5 * NOISE)
    assert not method.uses_steps and not method.stochastic and not enhanced.adjusted


def test_steps_and_seed_are_told_where_the_command_line_has_them(tmp_path: Path) -> None:
    tells = PROGRAM + "soundfile.write(enhanced, x * 0 + int(rest[0]) / 100 + int(rest[1]) % 89 / 1e4, rate)\n"
    method = program(tmp_path, tells, " {steps} {seed}")
    assert method.uses_steps and method.stochastic
    first, again, other = (method.enhance(NOISE, 16000, 30, seed).audio for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.mean() == pytest.approx(0.3, abs=0.01) and not np.array_equal(first, other)


def test_it_is_given_files_at_the_rate_that_it_works_at(tmp_path: Path) -> None:
    checks = PROGRAM + "assert rate == 8000, rate\nsoundfile.write(enhanced, x, rate)\n"
    assert program(tmp_path, checks, sample_rate=8000).enhance(NOISE, 16000).model_rate == 8000


def test_its_delay_and_its_length_are_mended_as_asked(tmp_path: Path) -> None:
    late = PROGRAM + "import numpy\nsoundfile.write(enhanced, numpy.pad(x, (480, 0))[:-200], rate, subtype='FLOAT')\n"
    with pytest.raises(UserError, match="its output: 4280 samples, but the noisy recording has 4000"):
        program(tmp_path, late).enhance(NOISE, 16000)
    made = program(tmp_path, late, delay=480, tolerance=280).enhance(NOISE, 16000)
    assert made.adjusted == {"samples": 280, "delay": 480}
    np.testing.assert_allclose(made.audio[:3500], NOISE[:3500], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; sys.exit('no GPU here')", r"ended with status 1: no GPU here"),
        ("", r"left no file at \{enhanced\}"),
        ("print('Error: model not found')", r"left no file at \{enhanced\}: Error: model not found"),
        ("import os; os.abort()", "ended by SIGABRT"),
        ("input('password: ')", "ended with status 1: .*EOFError"),
        (PROGRAM + "soundfile.write(enhanced, x[:0], rate)", r"enhanced\.wav: .*empty|no samples"),
        (PROGRAM + "open(enhanced, 'w').write('text')", r"enhanced\.wav"),
        (PROGRAM + "x[0] = float('nan'); soundfile.write(enhanced, x, rate, subtype='FLOAT')", "NaN|finite"),
        (PROGRAM + "soundfile.write(enhanced.replace('enhanced', 'other'), x, rate)", "left no file"),
        (PROGRAM + "import os; os.mkfifo(enhanced)", "left no file"),
    ],
)
def test_what_goes_wrong_is_one_line(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=reason):
        program(tmp_path, text).enhance(NOISE, 16000)


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    hangs = f"""
import os, subprocess, time
child = subprocess.Popen(["sleep", "1000"])
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(1000)
"""
    with pytest.raises(UserError, match="no answer within 2 s"):
        program(tmp_path, hangs, timeout=2).enhance(NOISE, 16000)
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_memory_has_a_limit(tmp_path: Path) -> None:
    greedy = "import sys\nx = bytearray(3 * 2**30)\n"
    with pytest.raises(UserError, match="MemoryError"):
        program(tmp_path, greedy, memory=2).enhance(NOISE, 16000)


def test_a_server_is_started_once(tmp_path: Path) -> None:
    once = f"open({str(tmp_path / 'starts')!r}, 'a').write('start ')\n" + SERVER
    method = program(tmp_path, once, mode="server", takes_steps=True)
    for _ in range(3):
        enhanced = method.enhance(NOISE, 16000, 10)
        np.testing.assert_array_equal(enhanced.audio, NOISE)
        assert enhanced.nfe == 20
    assert (tmp_path / "starts").read_text() == "start "


def test_a_server_that_dies_or_answers_nonsense_is_started_again(tmp_path: Path) -> None:
    method = program(tmp_path, SERVER, mode="server")
    for samples, reason in ((7, "without an answer: seven is too few"), (8, "not a line of JSON"), (9, "nine again")):
        with pytest.raises(UserError, match=reason):
            method.enhance(NOISE[:samples], 16000)
        np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, NOISE)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"run": "enhance {noisy}"}, r"where \{enhanced\} go"),
        ({"run": "enhance '{noisy} {enhanced}"}, "No closing quotation"),
        ({"run": "./enhance {noisy} {enhanced}", "python": "python3"}, "does not begin with python"),
        ({"run": "e {noisy} {enhanced}", "folder": "/nowhere/at/all"}, "no such folder"),
        ({"run": "e {noisy} {enhanced}", "timeout": 0}, "above 0"),
        ({"run": "e {noisy} {enhanced}", "processes": 0}, "above 0"),
        ({"run": "e {noisy} {enhanced}", "mode": "serve"}, "mode must be one of file, folder, server, got 'serve'"),
        ({"run": "e {noisy} {enhanced}", "batch": 4}, "batch is the number of recordings in a folder"),
        ({"run": "e {noisy} {enhanced}", "pattern": "x"}, "pattern: 'x' must say"),
        ({"run": "e {noisy} {enhanced}", "delay": "late"}, "delay: a number"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        create("command", **options)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="no_such_program: no such program"):
        create("command", run="no_such_program {noisy} {enhanced}").enhance(NOISE, 16000)


def test_relative_paths_in_the_command_line_begin_at_its_folder(tmp_path: Path) -> None:
    copy = tmp_path / "copy.sh"
    copy.write_text("#!/bin/sh\ncp $1 $2\n")
    copy.chmod(0o755)
    method = create("command", run="./copy.sh {noisy} {enhanced}", folder=str(tmp_path))
    np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, NOISE)
    assert "file ./copy.sh" in method.provenance() or f"file {copy}" in method.provenance()


def test_a_relative_interpreter_begins_where_the_command_was_given(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "halve.py").write_text(HALVES)
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    method = create("command", run="python halve.py {noisy} {enhanced}", python="./python", folder="system")
    np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, 0.5 * NOISE)
    assert method.provenance()["interpreter"].startswith("Python")


def test_what_it_was_run_by_is_recorded(tmp_path: Path) -> None:
    recorded = program(tmp_path, HALVES).provenance()
    assert recorded["run"][0] == sys.executable and recorded["interpreter"].startswith("Python 3")
    assert len(recorded["installed_sha256"]) == 64


FOLDER = """
import os, sys, soundfile
from pathlib import Path
noisy, enhanced, log, *rest = sys.argv[1:]
files = sorted(Path(noisy).glob("*.wav"))
open(log, "a").write(f"{len(files)} ")
for file in files:
    x, rate = soundfile.read(file, dtype="float32")
    if len(x) == 13:
        os.abort()
    soundfile.write(Path(enhanced) / f"{file.stem}_enhanced.wav", 0.5 * x, rate, subtype="FLOAT")
"""
CLIPS = [NOISE, NOISE[:100], NOISE[:3000]]


def test_a_folder_is_one_call_and_lengths_differ(tmp_path: Path) -> None:
    method = program(tmp_path, FOLDER, f" {tmp_path / 'calls'}", mode="folder", pattern="{id}_enhanced")
    made = method.enhance_batch(CLIPS, 16000, batch=10)
    for clip, enhanced in zip(CLIPS, made, strict=True):
        np.testing.assert_array_equal(enhanced.audio, 0.5 * clip)
        assert enhanced.seconds is not None and enhanced.seconds > 0
    assert made[0].seconds == pytest.approx(40 * made[1].seconds)
    method.enhance_batch(CLIPS, 16000, batch=10)  # kept
    np.testing.assert_array_equal(method.enhance(NOISE[:50], 16000).audio, 0.5 * NOISE[:50])
    assert (tmp_path / "calls").read_text() == "3 1 "


def test_of_a_folder_that_fails_the_good_ones_are_kept(tmp_path: Path) -> None:
    method = program(tmp_path, FOLDER, f" {tmp_path / 'calls'}", mode="folder", pattern="{id}_enhanced")
    with pytest.raises(UserError, match="ended by SIGABRT"):
        method.enhance_batch([NOISE, NOISE[:13], NOISE[:20]], 16000, batch=10)
    method.enhance(NOISE, 16000)
    method.enhance(NOISE[:20], 16000)
    with pytest.raises(UserError, match="ended by SIGABRT"):
        method.enhance(NOISE[:13], 16000)
    assert (tmp_path / "calls").read_text() == "3 1 1 "


def test_a_result_is_found_again_until_something_changes(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    counts = f"open({str(log)!r}, 'a').write('.')\n" + HALVES

    def calls(noisy: np.ndarray = NOISE, text: str = counts, extra: str = "", **options: object) -> int:
        before = log.stat().st_size if log.exists() else 0
        program(tmp_path, text, extra, **options).enhance(noisy, 16000, 3, 1)
        return log.stat().st_size - before

    assert [calls(), calls()] == [1, 0]
    assert calls(2 * NOISE) == 1  # another recording
    assert calls(text=counts + "# changed") == 1  # another script
    assert [calls(extra=" {steps}"), calls(extra=" {steps}")] == [1, 0]
    assert calls(extra=" {steps} --fast") == 1
    assert [calls(extra=" {seed}", reuse=False), calls(extra=" {seed}", reuse=False)] == [1, 1]
    for path in (tmp_path / "cache").rglob("*.wav"):
        path.write_bytes(b"damaged")
    assert calls(text=counts) == 1


def test_a_changed_checkout_is_another_program(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    def recorded(text: str) -> dict[str, str]:
        (tmp_path / "enhance.py").write_text(text)
        return create("command", run="python enhance.py {noisy} {enhanced}", folder=str(tmp_path)).provenance()

    (tmp_path / "enhance.py").write_text(HALVES)
    git("init", "-q")
    git("add", "enhance.py")
    git("commit", "-qm", "one")
    first, changed, again = (recorded(HALVES + more) for more in ("", "# more", "# and more"))
    assert first["revision"] + "-dirty" == changed["revision"] == again["revision"]
    assert len({first.get("changes_sha256"), changed["changes_sha256"], again["changes_sha256"]}) == 3
