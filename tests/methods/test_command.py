"""``command``: other people's programs, those that behave and those that do not."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from methods import create
from methods.base import Method

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
    run = f"python '{script}'" + ("" if options.get("serve") else " {noisy} {enhanced}") + extra
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
    with pytest.raises(UserError, match="no answer within 5 s"):
        program(tmp_path, hangs, timeout=5).enhance(NOISE, 16000)
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_memory_has_a_limit(tmp_path: Path) -> None:
    greedy = "import sys\nx = bytearray(3 * 2**30)\n"
    with pytest.raises(UserError, match="MemoryError"):
        program(tmp_path, greedy, memory=2).enhance(NOISE, 16000)


def test_a_server_is_started_once(tmp_path: Path) -> None:
    once = f"open({str(tmp_path / 'starts')!r}, 'a').write('start ')\n" + SERVER
    method = program(tmp_path, once, serve=True, takes_steps=True)
    for _ in range(3):
        enhanced = method.enhance(NOISE, 16000, 10)
        np.testing.assert_array_equal(enhanced.audio, NOISE)
        assert enhanced.nfe == 20
    assert (tmp_path / "starts").read_text() == "start "


def test_a_server_that_dies_or_answers_nonsense_is_started_again(tmp_path: Path) -> None:
    method = program(tmp_path, SERVER, serve=True)
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
        ({"run": "e {noisy} {enhanced}", "delay": "late"}, "delay: a number"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        create("command", **options)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="no_such_program: no such program"):
        create("command", run="no_such_program {noisy} {enhanced}").enhance(NOISE, 16000)


def test_what_it_was_run_by_is_recorded(tmp_path: Path) -> None:
    recorded = program(tmp_path, HALVES).provenance()
    assert recorded["run"][0] == sys.executable and recorded["interpreter"].startswith("Python 3")
    assert len(recorded["installed_sha256"]) == 64
