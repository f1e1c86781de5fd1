"""A process of Ray that has ended, or is stopped, is noticed; a start without end is given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from bench.run import liveness
from bench.run.liveness import Health, Hung, given_up, kill_stopped


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


def test_an_ended_process_is_told_by_its_name(process: subprocess.Popen[bytes]) -> None:
    lost = Health(lambda: {"gcs_server": [process], "log_monitor": [process]})
    assert lost() == ""
    process.kill()
    process.wait()
    assert lost() == "control service"


def test_a_stopped_process_is_given_some_time_to_continue(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(liveness, "monotonic", lambda: clock[0])
    lost = Health(lambda: {"raylet": [process]}, patience=5)
    os.kill(process.pid, signal.SIGSTOP)
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    for clock[0] in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert lost() == ""
    clock[0] = 100.0  # this process was stopped too
    assert lost() == ""
    for clock[0] in (101.0, 102.0, 103.0, 104.0):
        assert lost() == ""
    clock[0] = 105.5
    assert lost() == "raylet"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as runs:
        kill_stopped({"raylet": [process], "gcs_server": [runs]})
        assert process.wait(10) == -signal.SIGKILL
        assert runs.poll() is None
        runs.kill()


def test_a_start_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "patience", lambda: 0.2)
    former = signal.getsignal(signal.SIGALRM)
    with pytest.raises(Hung, match=r"no answer within 0 s"), given_up("workers"):
        time.sleep(60)
    assert signal.getsignal(signal.SIGALRM) == former


NATIVE = """
import signal, subprocess, sys, time
from bench.run import liveness
liveness.patience = lambda: 0.2
liveness.LAST_SECONDS = 0.2
with liveness.given_up("workers: Ray does not start here"):
    child = subprocess.Popen(["sleep", "60"])
    print(child.pid, flush=True)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)
"""


def test_a_start_that_hangs_in_native_code_ends_the_command_and_what_it_started() -> None:
    done = subprocess.run([sys.executable, "-c", NATIVE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        1,
        "bench: workers: Ray does not start here (no answer within 0 s); the same command continues; "
        "workers=0 does without Ray\n",
    )
    child = int(done.stdout)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
