"""Whatever happens in the other process costs one answer."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from bench.core.errors import UserError
from metrics.base import Undefined
from metrics.isolated import Isolated


def work(what: str, value: float = 0.0) -> object:
    if what == "abort":
        os.abort()
    if what == "exit":
        os._exit(3)
    if what == "raise":
        raise Undefined("no such thing")
    if what == "spin":
        while True:
            pass
    if what == "sleep":
        time.sleep(value)
    if what == "print":
        os.write(1, b"chatter of a C library\n")
    return os.getpid() if what == "pid" else np.full(100_000, value)


@pytest.fixture
def isolated() -> Isolated:
    return Isolated(work, "the work", seconds=30)


def test_answers_come_back_from_one_other_process(isolated: Isolated) -> None:
    pids = {isolated("pid") for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids
    assert np.array_equal(isolated("array", 0.5), np.full(100_000, 0.5))


def test_what_it_prints_is_no_answer(isolated: Isolated) -> None:
    assert np.array_equal(isolated("print", 1.0), np.ones(100_000))


def test_what_it_raises_is_raised_here(isolated: Isolated) -> None:
    with pytest.raises(Undefined, match="no such thing"):
        isolated("raise")


@pytest.mark.parametrize(("how", "reason"), [("abort", "SIGABRT"), ("exit", "exit status 3")])
def test_a_crash_costs_one_answer(isolated: Isolated, how: str, reason: str) -> None:
    before = isolated("pid")
    with pytest.raises(UserError, match=rf"the work crashed \({reason}\)"):
        isolated(how)
    assert isolated("pid") not in (before, os.getpid())


def test_an_endless_call_is_stopped_and_one_that_has_to_wait_is_not() -> None:
    isolated = Isolated(work, "the work", seconds=0.3)
    with pytest.raises(UserError, match=r"the work gave no answer within 0\.3 s of computing"):
        isolated("spin")
    assert isinstance(isolated("sleep", 0.6), np.ndarray)


def test_the_process_ends_with_its_owner() -> None:
    isolated = Isolated(work, "the work", seconds=30)
    pid = isolated("pid")
    del isolated
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
