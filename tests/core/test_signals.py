"""A signal that asks for an end is as Ctrl-C is: all is tidied up, one line, status 128 + its number."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.core.signals import ENDING
from tests.conftest import ROOT

COMMAND = """
import os, signal, sys, time
from bench import __main__ as command

def work(arguments, usage):
    try:
        print("ready", flush=True)
        {body}
    finally:
        print("tidied up", flush=True)

command.COMMANDS["wait"] = command.Command("wait", "", work)
sys.exit(command.main(["wait"]))
"""


@contextmanager
def command(body: str = "time.sleep(600)", ignored: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """``bench`` with a command that does ``body``, once it is there."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # jobs of a shell may ignore Ctrl-C
        if ignored is not None:
            signal.signal(ignored, signal.SIG_IGN)

    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(body=body)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=prepare,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def ending(process: subprocess.Popen[str]) -> str:
    """What it says until it ends."""
    assert process.stdout is not None
    told = process.stdout.read()
    process.wait(timeout=60)
    return told


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_one_line_and_a_status(number: signal.Signals) -> None:
    with command() as process:
        process.send_signal(number)
        told = ending(process)
        assert process.returncode == 128 + number
    how = {signal.SIGINT: "interrupted"}.get(number, f"stopped by {number.name}")
    assert told == f"tidied up\nbench: {how}; what was finished is stored, the same command continues\n"


def test_what_comes_while_it_tidies_up_changes_nothing() -> None:
    body = """try:
            time.sleep(600)
        finally:
            os.kill(os.getpid(), signal.SIGTERM); os.kill(os.getpid(), signal.SIGHUP)"""
    with command(body) as process:
        process.send_signal(signal.SIGTERM)
        told = ending(process)
        assert process.returncode == 128 + signal.SIGTERM
    assert told.startswith("tidied up\n") and told.count("\n") == 2


def test_what_was_ignored_from_the_start_stays_ignored() -> None:
    with command("os.kill(os.getpid(), signal.SIGHUP); return 0", ignored=signal.SIGHUP) as process:
        told = ending(process)
    assert (process.returncode, told) == (0, "tidied up\n")


def test_a_forked_child_ends_without_a_word() -> None:
    body = """there, here = os.pipe()
        child = os.fork() or (os.write(here, b"x"), time.sleep(600))
        os.read(there, 1)
        os.kill(child, signal.SIGTERM)
        return os.waitpid(child, 0)[1]"""
    with command(body) as process:
        told = ending(process)
    assert (process.returncode, told) == (signal.SIGTERM, "tidied up\n")


def test_a_signal_that_a_library_swallows_is_not_forgotten() -> None:
    body = """from bench.core import signals
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            signals.check()"""
    with command(body) as process:
        process.send_signal(signal.SIGTERM)
        ending(process)
        assert process.returncode == 128 + signal.SIGTERM
