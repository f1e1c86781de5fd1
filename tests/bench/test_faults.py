"""Whatever is killed, and whenever: after a rerun the rows are those of an undisturbed run, none lost, none double."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.run.benchmark import run
from results.store.folder import Store
from results.store.rows import Key, Row
from tests.conftest import ROOT

Config = Callable[..., dict[str, Any]]

TOYS = "import sys; from bench.__main__ import main; from tests.bench import toys; sys.exit(main(sys.argv[1:]))"
STEPS = 12
VICTIMS = ("driver", "worker", "raylet", "gcs_server")


def untimed(folder: Path) -> dict[Key, Row]:
    return {key: replace(row, enhance_seconds=None) for key, row in Store(folder).rows().items()}


def finished(folder: Path) -> Counter[str]:
    """How often a row without failure stands in the log, by key."""
    path = folder / "rows.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    whole = []
    for line in lines:
        with suppress(ValueError):  # the line that a killed writer was writing
            whole.append(Row.from_json(line))
    return Counter(str(row.key) for row in whole if not row.failed)


class Disturbed:
    """A run in a process of its own that is started again whenever it ends early."""

    def __init__(self, recordings: Path, runs: Path, *more: str, steps: int = STEPS) -> None:
        toy = "methods=[noisy,{name: toy_diffusion, seconds: 0.3, label: toy}]"
        keys = [f"datasets=[{recordings}]", f"runs_dir={runs}", "run=disturbed", "metrics=[si_sdr]"]
        counts = f"steps={list(range(1, steps + 1))}"
        self.command = [sys.executable, "-c", TOYS, "run", toy, *keys, counts, "workers=2", *more]
        self.folder = runs / "disturbed"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def victim(self, kind: str) -> psutil.Process | None:
        """A process of this kind, if there is one."""
        driver = psutil.Process(self.process.pid)
        if kind == "driver":
            return driver
        name = {"worker": "ray::_Actor"}.get(kind, kind)
        return next((child for child in driver.children(recursive=True) if child.name().startswith(name)), None)

    def ended(self) -> bool:
        """Whether it has ended with all rows; started again if it has ended early."""
        status = self.process.poll()
        if status is None:
            return False
        told, _ = self.process.communicate()
        assert "Traceback" not in told, told
        if status == 0:
            return True
        assert status == -signal.SIGKILL or "the same command continues" in told or "cells failed" in told, told
        self.start()
        return False


def wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happens any more"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, 20])
def test_random_kills_lose_nothing_and_double_nothing(
    config: Config, recordings: Path, tmp_path: Path, kills: int
) -> None:
    steps = 4 * kills  # many rows are stored until a part of Ray is missed
    toy = {"name": "toy_diffusion", "seconds": 0, "label": "toy"}
    settings = config(run="whole", methods=["noisy", toy], steps=list(range(1, steps + 1)), metrics=["si_sdr"])
    whole = untimed(run(settings).folder)
    chance = random.Random(kills)
    disturbed, killed = Disturbed(recordings, tmp_path / "runs", steps=steps), Counter[str]()
    while killed.total() < kills:
        before = sum(finished(disturbed.folder).values())
        wait(lambda: disturbed.ended() or sum(finished(disturbed.folder).values()) > before)  # noqa: B023
        assert len(finished(disturbed.folder)) < len(whole), f"all rows were stored after {killed}"
        time.sleep(chance.uniform(0, 0.4))
        kind = chance.choice(VICTIMS)
        if (victim := disturbed.victim(kind)) is not None:
            victim.kill()
            killed[kind] += 1
    wait(disturbed.ended, 240)
    assert untimed(disturbed.folder) == whole
    assert set(finished(disturbed.folder).values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["raylet", "gcs_server"])
def test_a_stopped_part_of_ray_ends_the_run_with_one_line(recordings: Path, tmp_path: Path, kind: str) -> None:
    disturbed = Disturbed(recordings, tmp_path / "runs")
    wait(lambda: len(finished(disturbed.folder)) > 3)
    victim = disturbed.victim(kind)
    assert victim is not None
    victim.suspend()
    told, _ = disturbed.process.communicate(timeout=60)
    assert disturbed.process.returncode == 1
    assert "gone: killed, stopped, or out of memory); what was finished is stored, the same command continues" in told
    assert "Traceback" not in told
    assert not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_machines_come_and_go_during_a_run(config: Config, recordings: Path, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    toy = {"name": "toy_diffusion", "seconds": 0, "label": "toy"}
    settings = config(run="whole", methods=["noisy", toy], steps=list(range(1, STEPS + 1)), metrics=["si_sdr"])
    whole = untimed(run(settings).folder)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        disturbed = Disturbed(recordings, tmp_path / "runs", f"ray_address={cluster.address}", "workers=null")
        wait(lambda: len(finished(disturbed.folder)) > 3)
        node = cluster.add_node(num_cpus=2)
        wait(lambda: len(finished(disturbed.folder)) > 20)
        cluster.remove_node(node, allow_graceful=False)
        wait(disturbed.ended, 240)
    finally:
        cluster.shutdown()
        assert not ray.is_initialized()
    assert untimed(disturbed.folder) == whole
