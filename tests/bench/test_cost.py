"""Costs are measured on what runs, alone, and what was measured beside other work is no real-time factor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import istft, stft
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from bench.core.types import Audio
from bench.run import cost
from bench.run.benchmark import run
from bench.run.cost import Cost, algorithmic_latency, count
from bench.run.flows import limit_threads
from methods import create
from results.store.folder import Store
from tests.bench.conftest import RATE, noise

Config = Callable[..., dict[str, Any]]


def test_parameters_and_multiply_accumulates_are_those_of_the_modules_that_are_called() -> None:
    used, shared = torch.nn.Linear(10, 20), torch.nn.Conv1d(1, 4, 3, padding=1, bias=False)
    unused = torch.nn.Linear(1000, 1000)

    def enhance(noisy: Audio) -> object:
        shared(torch.zeros(1, 1, 100))
        return used(torch.zeros(7, 10)), unused

    found = count(enhance, noise(100), seconds=2.0)
    assert found == {"parameters": 10 * 20 + 20 + 4 * 3, "macs_per_second": (7 * 10 * 20 + 100 * 4 * 3) / 2}
    assert count(lambda noisy: noisy, noise(100), 2.0) == {}


@pytest.mark.parametrize("name", ["ncsnpp_m", "sgmse_m", "refinement", "storm"])
def test_the_embedded_networks_are_counted_while_they_enhance(name: str) -> None:
    method = create(name, device="cpu")
    found = count(lambda noisy: method.enhance(noisy, RATE, 1, 0), noise(RATE // 2), 0.5)
    parameters = [one for network in method.model.networks.values() for one in network.parameters()]
    assert found["parameters"] == sum(one.numel() for one in parameters)
    assert found["macs_per_second"] > 100 * found["parameters"]  # each weight of a convolution at many positions
    assert any(one.requires_grad for one in parameters)


@pytest.mark.parametrize("name", ["ncsnpp_m", "sgmse_m"])
def test_operations_are_those_that_torch_counts(name: str) -> None:
    method = create(name, device="cpu")
    for parameter in (one for network in method.model.networks.values() for one in network.parameters()):
        parameter.requires_grad_(False)  # torch's tracker of modules would follow gradients in inference mode
    with FlopCounterMode(display=False) as flops:
        method.enhance(noise(RATE // 2), RATE, 1, 0)
    found = count(lambda noisy: method.enhance(noisy, RATE, 1, 0), noise(RATE // 2), 0.5)
    assert found["macs_per_second"] == flops.get_total_flops() / 2 / 0.5


def test_counting_runs_the_methods_own_interpolation() -> None:
    """Taken apart, it would be counted with twice the memory that enhancing takes."""
    method = create("ncsnpp_m", device="cpu")

    def enhance(noisy: Audio) -> object:
        return method.enhance(noisy, RATE, 1, 0)

    class Run(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.interpolations = 0

        def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.interpolations += "upsample" in str(operator)
            return operator(*args, **(kwargs or {}))

    recording = noise(RATE // 2)
    with Run() as alone:
        enhance(recording)
    with Run() as counted:
        count(enhance, recording, 0.5)
    assert counted.interpolations == alone.interpolations > 0


def test_a_cost_that_cannot_be_measured_is_told_and_its_cells_are_computed(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> Cost:
        raise AttributeError("no such hook")

    monkeypatch.setattr("bench.run.cell_enhancer.measure", fails)
    folder = run(config(methods=["toy_network"], limit=1, measure_cost=True)).folder
    assert "costs of toy_network not measured: AttributeError: no such hook" in capsys.readouterr().err
    assert all(row.status == "ok" and not row.cost for row in Store(folder).rows().values())


def filtered(noisy: Audio, window: int) -> Audio:
    """Each frame of so many samples scaled by its own level, overlapped and added."""
    _, _, spectrum = stft(noisy, nperseg=window)
    scaled = spectrum * np.abs(spectrum.sum(axis=0, keepdims=True))
    return np.asarray(istft(scaled, nperseg=window)[1][: noisy.size], dtype=np.float32)


@pytest.mark.parametrize(
    ("enhance", "least", "most"),
    [
        (lambda noisy: noisy, 0, 0),
        (lambda noisy: np.append(noisy[40:], np.zeros(40, np.float32)), 40, 40),
        (lambda noisy: filtered(noisy, 512), 256, 512),
    ],
)
def test_latency_is_how_far_ahead_a_method_looks(enhance: Callable[[Audio], Audio], least: int, most: int) -> None:
    latency = algorithmic_latency(enhance, noise(2 * RATE), RATE)
    assert latency is not None and least <= latency * RATE <= most


def test_what_looks_at_the_whole_recording_has_no_latency() -> None:
    def of_all(noisy: Audio) -> Audio:
        return noisy / np.float32(1 + noisy[-100:].sum())

    assert algorithmic_latency(of_all, noise(2 * RATE), RATE) is None
    assert algorithmic_latency(lambda noisy: noisy, noise(RATE // 2), RATE) is None  # too short to tell


def test_the_rtf_is_a_median_with_quartiles_and_only_of_an_idle_machine() -> None:
    idle = Cost({"parameters": 7}, times=[1, 2, 3, 4, 5], busy=0.1)
    assert idle.row_values() == {"parameters": 7, "rtf": 3, "rtf_low": 2, "rtf_high": 4}
    assert Cost(idle.values, idle.times, busy=0.5).row_values() == {"parameters": 7}


def test_what_has_just_started_is_let_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([0.9, 0.6, 0.1, 0.8])
    monkeypatch.setattr(cost, "others", lambda: next(looks))
    assert cost.settled() == 0.1
    monkeypatch.setattr(cost, "others", lambda: 0.9)
    assert cost.settled() == 0.9


@pytest.mark.parametrize("busy", [0.0, 0.9])
def test_rows_have_the_cost_of_their_system(config: Config, monkeypatch: pytest.MonkeyPatch, busy: float) -> None:
    monkeypatch.setattr(cost, "others", lambda: busy)
    measured = []
    real = cost.measure
    monkeypatch.setattr("bench.run.cell_enhancer.measure", lambda *given: measured.append(given) or real(*given))
    settings = {"methods": ["noisy", "toy_network", "toy_diffusion"], "measure_cost": True}
    folder = run(config(**settings, limit=2)).folder
    for key, row in Store(folder).rows().items():
        if key.method == "toy_network":
            assert row.cost["parameters"] == 64
            assert row.cost["macs_per_second"] == pytest.approx(64 * RATE, rel=1e-6)
            assert (row.rtf is None) == (busy > 0.5)
            assert ("timed_on" in row.computing) == (row.rtf is not None)
        else:
            assert not row.cost  # the control; and one that knows recordings by their names
    assert len(measured) == 1
    run(config(**settings, limit=3))
    assert len(measured) == (1 if busy < 0.5 else 2)  # what could not be timed is tried again


def test_a_run_without_measurement_has_no_costs(config: Config) -> None:
    folder = run(config(methods=["toy_network"], limit=1)).folder
    assert all(not row.cost for row in Store(folder).rows().values())


SERVER = """
import json, os, sys, time
from pathlib import Path
for line in sys.stdin:
    asked = json.loads(line)
    Path("calls").open("a").write(os.environ["OMP_NUM_THREADS"] + chr(10))
    time.sleep(0.1)
    Path(asked["enhanced"]).write_bytes(Path(asked["noisy"]).read_bytes())
    print("{}", flush=True)
"""


def test_of_a_program_that_keeps_running_time_and_latency_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cost, "others", lambda: 0.0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "server.py").write_text(SERVER)
    program = create("command", run="python server.py", mode="server", python=sys.executable, folder=str(tmp_path))
    program.enhance(noise(RATE), RATE)
    program.enhance(noise(RATE), RATE)  # found again
    with limit_threads(1):
        found = cost.measure(program, [noise(RATE), noise(RATE, 1)], RATE, None, "here")
    calls = (tmp_path / "calls").read_text().split()
    assert found.values == {"algorithmic_latency_ms": 0.0}
    assert min(found.times) >= 0.1 and len(calls) == 1 + 1 + 8 + len(found.times)
    program.enhance(noise(RATE, 1), RATE)  # what a measurement made is not kept
    assert len((tmp_path / "calls").read_text().split()) == len(calls) + 1


def test_a_program_has_as_many_threads_as_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "server.py").write_text(SERVER)
    for threads in (1, 2):
        options = {"run": "python server.py", "mode": "server", "python": sys.executable, "folder": str(tmp_path)}
        with limit_threads(threads):
            create("command", reuse=False, **options).enhance(noise(RATE), RATE)
    assert (tmp_path / "calls").read_text().split() == ["1", "2"]


def test_a_program_that_is_started_for_each_recording_has_no_cost(tmp_path: Path) -> None:
    program = create("command", run="cp {noisy} {enhanced}", folder=str(tmp_path))
    assert not program.cost_is_measured
