"""Every figure that is wanted of a GPU, in one call of ten minutes.

    python -m tests.perf.gpu [--out results/gpu] [--reference CHECKOUT] [--minutes 9] [--device cuda] [--quick]

1. SGMSE+M at the paper's size (untrained: the speed is the same) over the demo's recordings, cut to two seconds, one
   corrector step at each time: the network of sp-uhh/storm, where a checkout is given, and ours with the same weights
   and the same noise, at batch 1, 8 and 32, in float32, TF32 and bfloat16. The first is the reference one file at a
   time in float32, as its scripts work. For each: files per second, how many times the first, GPU utilisation, peak
   memory, and by how much the output differs from the first's.
2. A profile of ours, by kernels: what bounds it.
3. ``bench run`` over the demo with every method that has embedded weights and eight numbers of steps, for a third of
   the minutes.
4. Ours compiled, in the minutes that are left.

Each figure is written as soon as it is known, to results.jsonl and results.csv; what is not expected to fit into the
minutes is not begun. The same command with the same folder continues: what is there is not measured again.
``--device cpu --quick`` tries all of it on a CPU.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from bench.run.machine import machine
from methods.backbones.base import Backbone
from methods.backbones.convert import from_reference
from methods.weights import TrainedModel, new_model
from tests.perf.gpu_cases import OURS, REFERENCE, Case, Measurement, Results, recordings
from tests.perf.reference import reference_network

PRECISIONS, BATCHES = ("float32", "tf32", "bfloat16"), (1, 8, 32)


@dataclass(frozen=True)
class Plan:
    """What is measured, the most telling first.

    Attributes:
        width: of the networks, in channels.
        steps: reverse steps N.
        seconds: that a case is measured, once it has started.
        sweep: settings of ``bench run``.
    """

    width: int
    steps: int
    seconds: float
    eager: tuple[Case, ...]
    compiled: tuple[Case, ...]
    sweep: tuple[str, ...]


def full() -> Plan:
    """What is wanted of a GPU."""
    alone = [Case(system, precision) for system in (REFERENCE, OURS) for precision in PRECISIONS]
    batches = [Case(OURS, *way) for way in product(PRECISIONS, (False,), BATCHES[1:])]
    sweep = ("methods=[noisy,ncsnpp_m,sgmse_m,refinement,storm]", "datasets=[demo_full]", "metrics=[pesq,estoi,si_sdr]")
    return Plan(
        width=128,
        steps=5,
        seconds=6.0,
        eager=(*alone, *batches, *(replace(case, system=REFERENCE) for case in batches)),
        compiled=tuple(Case(OURS, *way) for way in product(reversed(PRECISIONS), (True,), (8, 1, 32))),
        sweep=(*sweep, "steps=[1,2,3,5,10,20,30,50]"),
    )


def quick() -> Plan:
    """As many ways through the script, with as little to compute."""
    return Plan(
        width=8,
        steps=1,
        seconds=0.0,
        eager=(
            Case(REFERENCE),
            *(Case(OURS, name) for name in PRECISIONS),
            Case(OURS, batch=8),
            Case(REFERENCE, batch=8),
        ),
        compiled=(Case(OURS, compile=True),),
        sweep=("methods=[noisy,ncsnpp_m]", "datasets=[demo]", "metrics=[si_sdr]", "steps=[1]", "limit=1", "workers=0"),
    )


class Theirs(Backbone):
    """The reference's network in the place of ours."""

    conditional = True

    def __init__(self, network: torch.nn.Module, stride: int) -> None:
        super().__init__()
        self.network, self.stride = network, stride

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        output: Tensor = self.network(x, t)
        return output


def models(reference: Path | None, plan: Plan) -> dict[str, TrainedModel]:
    """The same weights in both networks."""
    torch.manual_seed(0)
    ours = new_model("sgmse_m", {"width": plan.width, "multipliers": [1, 2, 2, 2]})
    network = ours.networks["score"]
    _enliven(network)
    if reference is None:
        return {OURS: ours}
    theirs = reference_network(reference, plan.width)
    _enliven(theirs)
    network.load_state_dict(from_reference(theirs.state_dict(), network))  # type: ignore[arg-type]
    return {OURS: ours, REFERENCE: replace(ours, networks={"score": Theirs(theirs, network.stride)})}


def _enliven(network: torch.nn.Module) -> None:
    """Give weights that start at nearly nothing a size, so that the output depends on the network."""
    for parameter in network.parameters():
        if parameter.dim() > 1 and parameter.abs().max() < 1e-3:
            torch.nn.init.normal_(parameter, std=0.02)


def measure(cases: Iterable[Case], measurement: Measurement, results: Results, ends: float) -> None:
    """The cases that are not measured yet and that are expected to be done at ``ends``."""
    for case in cases:
        if case.system not in measurement.models or results.has(case):
            continue
        expected = results.expected_seconds(case, measurement.seconds)
        if time.perf_counter() + expected > ends:
            print(f"left for another call, since it could take {expected:.0f} s: {case}", flush=True)
        else:
            results.add(measurement(case))


def profile(measurement: Measurement, path: Path) -> None:
    """The kernels of one batch of ours in bfloat16, by the time they take."""
    cuda = measurement.device.startswith("cuda")
    activities = [torch.profiler.ProfilerActivity.CPU, *([torch.profiler.ProfilerActivity.CUDA] if cuda else [])]
    kernels = "self_device_time_total" if cuda else "self_cpu_time_total"
    batch = 8
    inference = measurement.inference(Case(OURS, "bfloat16", batch=batch))
    measurement.enhanced(inference, 0, batch)
    with torch.profiler.profile(activities=activities) as found:
        start = time.perf_counter()
        measurement.enhanced(inference, 0, batch)
        elapsed = time.perf_counter() - start
    averages = found.key_averages()
    busy = sum(getattr(event, kernels) for event in averages) / 1e6
    told = (
        f"A batch of {batch} in bfloat16: {elapsed:.3g} s by the clock, of which {busy:.3g} s in what is listed here."
    )
    path.write_text(f"{told}\n\n{averages.table(sort_by=kernels, row_limit=40)}")


def sweep(folder: Path, device: str, settings: Iterable[str], seconds: float) -> None:
    """``bench run`` over the demo, asked to end after so many seconds; what it finished is stored."""
    own = [f"runs_dir={folder}", "run=sweep", f"device={device}", "measure_cost=false", *settings]
    if find_spec("ray") is None:
        own.append("workers=0")
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bench", "run", *own])
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    rows = folder / "sweep" / "rows.jsonl"
    facts = {"seconds": time.perf_counter() - start, "finished": process.returncode == 0}
    facts["cells"] = rows.read_bytes().count(b"\n") if rows.exists() else 0
    with (folder / "sweep.jsonl").open("a") as file:
        file.write(json.dumps(facts) + "\n")
    print(facts, flush=True)


def begin(folder: Path, device: str, reference: Path | None, *, quick: bool) -> None:
    """Write what the figures depend on.

    Raises:
        SystemExit: the folder has figures that depend on something else.
    """
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else machine()["cpu"]
    facts = {"device": name, "torch": torch.__version__, "reference": reference is not None, "quick": quick}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "machine.json"
    if path.exists() and json.loads(path.read_text()) != facts:
        raise SystemExit(f"{path} has figures of something else than {facts}; choose another --out")
    path.write_text(json.dumps(facts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    parser.add_argument("--reference", type=Path, help="a checkout of sp-uhh/storm")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    ends = time.perf_counter() + 60 * given.minutes
    begin(given.out, given.device, given.reference, quick=given.quick)
    plan, results = quick() if given.quick else full(), Results(given.out)
    measurement = Measurement(
        models(given.reference, plan),
        given.device,
        recordings(BATCHES[-1]),
        wanted=given.out / "first.npy",
        steps=plan.steps,
        seconds=plan.seconds,
    )
    third = 60 * given.minutes / 3
    measure(plan.eager, measurement, results, ends - third)
    if not (given.out / "profile.txt").exists():
        profile(measurement, given.out / "profile.txt")
    if (left := ends - time.perf_counter()) > 0:
        sweep(given.out, given.device, plan.sweep, min(third, left))
    measure(plan.compiled, measurement, results, ends)


if __name__ == "__main__":
    main()
