"""Every figure that is wanted of a GPU, in one call of ten minutes.

    python -m tests.perf.gpu [--out results/gpu] [--reference CHECKOUT] [--minutes 9] [--device cuda] [--quick]

1. SGMSE+M at the paper's size (untrained: the speed is the same) over the demo's recordings, cut to two seconds, one
   corrector step at each time: the network of sp-uhh/storm, where a checkout is given, one file at a time in float32
   and TF32; then ours with the same weights and the same noise, at batch 1, 8 and 32, float32, TF32 and bfloat16,
   compiled or not. For each: files per second, how many times the first, GPU utilisation, peak memory, and by how much
   the output differs from the reference's (from our first, without a checkout).
2. A profile of ours, by kernels: what bounds it.
3. ``bench run`` over the demo with every method that has embedded weights, until the minutes are over; the same command
   continues it.

Each figure is written as soon as it is known, to results.jsonl and results.csv; a call that is cut off loses one at
most. ``--device cpu --quick`` tries all of it on a CPU within a minute.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.core.types import Audio, Utterance
from bench.datasets.base import DATASETS
from bench.run.inference import Inference, Request, Timed
from methods.backbones.convert import from_reference
from methods.sgmse import SGMSE
from methods.weights import TrainedModel, new_model
from tests.perf.reference import reference_network

SECONDS_EACH = 12.0
"""So long a case is measured, once it has started."""
CLIP_SECONDS = 2.0


@dataclass(frozen=True)
class Case:
    """One way to enhance the files."""

    system: str
    precision: str = "float32"
    compile: bool = False
    batch: int = 1


@dataclass(frozen=True)
class Figures:
    """What was measured of a case; ``times_first`` are files per second relative to the first case's."""

    case: Case
    files_per_second: float = 0.0
    times_first: float = 0.0
    seconds_of_audio_per_second: float = 0.0
    utilisation_percent: float | None = None
    peak_memory_gib: float | None = None
    apart: float | None = None
    first_call_seconds: float = 0.0
    error: str = ""

    def flat(self) -> dict[str, Any]:
        """As a line of a table."""
        own = asdict(self)
        return {**own.pop("case"), **own}


@dataclass
class Results:
    """The files that figures are written to."""

    folder: Path
    figures: list[Figures] = field(default_factory=list)

    def add(self, figures: Figures) -> None:
        """Write one line, to the disk itself, and the table of all."""
        self.figures.append(figures)
        with (self.folder / "results.jsonl").open("a") as file:
            file.write(json.dumps(figures.flat()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with (self.folder / "results.csv").open("w", newline="") as table:
            writer = csv.DictWriter(table, list(figures.flat()))
            writer.writeheader()
            writer.writerows(one.flat() for one in self.figures)
        print(figures.flat(), flush=True)


class Utilisation:
    """The GPU's mean utilisation within the block, by ``nvidia-smi``; None where there is none."""

    percent: float | None = None

    def __enter__(self) -> Utilisation:
        self._stop, self._seen = threading.Event(), list[float]()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.percent = statistics.mean(self._seen) if self._seen else None

    def _watch(self) -> None:
        while not self._stop.wait(0.25) and (percent := _utilisation()) is not None:
            self._seen.append(percent)


def _utilisation() -> float | None:
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        return float(subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.split()[0])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None


class Theirs(torch.nn.Module):
    """The reference's network in the place of ours."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        output: Tensor = self.network(x, t)
        return output


def cases(*, reference: bool) -> Iterator[Case]:
    """The most telling ones first."""
    if reference:
        yield from (Case("sp-uhh/storm", precision) for precision in ("float32", "tf32"))
    rest = [Case("ours", *way) for way in product(("float32", "tf32", "bfloat16"), (False, True), (1, 8, 32))]
    yield from sorted(rest, key=lambda case: (case.compile, case.batch != 1))


def models(reference: Path | None, width: int) -> dict[str, TrainedModel]:
    """The same weights in both networks."""
    torch.manual_seed(0)
    ours = new_model("sgmse_m", {"width": width, "multipliers": [1, 2, 2, 2]})
    found, network = {"ours": ours}, ours.networks["score"]
    _enliven(network)
    if reference is not None:
        theirs = reference_network(reference, width)
        _enliven(theirs)
        network.load_state_dict(from_reference(theirs.state_dict(), network))  # type: ignore[arg-type]
        wrapped: Any = Theirs(theirs)
        wrapped.stride = network.stride
        found["sp-uhh/storm"] = replace(ours, networks={"score": wrapped})
    return found


def _enliven(network: torch.nn.Module) -> None:
    """Give weights that start at nearly nothing a size, so that the output depends on the network."""
    for parameter in network.parameters():
        if parameter.dim() > 1 and parameter.abs().max() < 1e-3:
            torch.nn.init.normal_(parameter, std=0.02)


def recordings(count: int) -> list[Utterance]:
    """The demo's recordings cut to two seconds, again and again if there are fewer."""
    demo = DATASETS.create("demo", subset="full")
    found: list[Utterance] = []
    while len(found) < count:
        for name in demo.ids()[: count - len(found)]:
            loaded = demo.load(name)
            samples = round(CLIP_SECONDS * loaded.sample_rate)
            found.append(Utterance(name, np.resize(loaded.noisy, samples), loaded.sample_rate))
    return found


@dataclass
class Measurement:
    """Measures cases over the same files.

    Attributes:
        steps: reverse steps N.
        seconds: that a case is measured, at least one batch.
    """

    models: dict[str, TrainedModel]
    device: str
    files: list[Utterance]
    steps: int
    seconds: float
    first: Figures | None = None
    wanted: list[Audio] = field(default_factory=list)

    def __call__(self, case: Case) -> Figures:
        try:
            figures = self._measured(case)
        except Exception as error:  # the other cases are measured all the same
            figures = Figures(case, error=" ".join(f"{type(error).__name__}: {error}".split())[:300])
        if self.first is None and not figures.error:
            self.first = figures
        times = figures.files_per_second / self.first.files_per_second if self.first is not None else 0.0
        return replace(figures, times_first=times)

    def _measured(self, case: Case) -> Figures:
        cuda = self.device.startswith("cuda")
        method = SGMSE(
            copy.deepcopy(self.models[case.system]),
            device=self.device,
            precision=case.precision,
            compile=case.compile,
        )
        inference = Inference(method, batch=case.batch)
        start = time.perf_counter()
        outputs = self._enhanced(inference, 0, case.batch)
        first_call = time.perf_counter() - start
        if cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
        done, start = 0, time.perf_counter()
        with Utilisation() as utilisation:
            while done == 0 or time.perf_counter() - start < self.seconds:
                self._enhanced(inference, done, case.batch)
                done += case.batch
        elapsed = time.perf_counter() - start
        memory = torch.cuda.max_memory_allocated(self.device) / 2**30 if cuda else None
        return Figures(
            case,
            files_per_second=done / elapsed,
            seconds_of_audio_per_second=done * CLIP_SECONDS / elapsed,
            utilisation_percent=utilisation.percent,
            peak_memory_gib=memory,
            apart=self._apart(outputs),
            first_call_seconds=first_call,
        )

    def _enhanced(self, inference: Inference, start: int, count: int) -> list[Audio]:
        """The next ``count`` files, read back from the device."""
        chosen = [self.files[i % len(self.files)] for i in range(start, start + count)]
        requests = [Request(clip, self.steps, torch.Generator().manual_seed(i)) for i, clip in enumerate(chosen)]
        made = inference.many(requests)
        if failures := [one for one in made if isinstance(one, Exception)]:
            raise failures[0]
        return [one.enhanced.audio for one in made if isinstance(one, Timed)]

    def _apart(self, outputs: list[Audio]) -> float | None:
        """The largest difference to the first case's output on its first file, of its peak."""
        if not self.wanted:
            self.wanted = outputs[:1]
            return None
        return float(np.abs(outputs[0] - self.wanted[0]).max() / np.abs(self.wanted[0]).max())


def profile(measurement: Measurement, path: Path) -> None:
    """The kernels of one batch of ours in bfloat16, by the time they take."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    order = "self_cpu_time_total"
    if measurement.device.startswith("cuda"):
        activities.append(torch.profiler.ProfilerActivity.CUDA)
        order = "self_device_time_total"
    method = SGMSE(copy.deepcopy(measurement.models["ours"]), device=measurement.device, precision="bfloat16")
    inference = Inference(method, batch=8)
    measurement._enhanced(inference, 0, 8)
    with torch.profiler.profile(activities=activities) as found:
        measurement._enhanced(inference, 0, 8)
    path.write_text(found.key_averages().table(sort_by=order, row_limit=40))


def sweep(folder: Path, device: str, *, quick: bool, minutes: float) -> None:
    """``bench run`` over the demo, ended when the time is over; what it finished is stored."""
    settings = [
        f"runs_dir={folder}",
        "run=sweep",
        "methods=[noisy,ncsnpp_m]" if quick else "methods=[noisy,ncsnpp_m,sgmse_m,refinement,storm]",
        "datasets=[demo]" if quick else "datasets=[demo_full]",
        "steps=[1]" if quick else "steps=[1,2,3,5,10,20,30,50]",
        "metrics=[si_sdr]" if quick else "metrics=[pesq,estoi,si_sdr]",
        f"device={device}",
        *(["limit=1", "workers=0"] if quick else []),
    ]
    start = time.perf_counter()
    try:
        subprocess.run([sys.executable, "-m", "bench", "run", *settings], timeout=60 * max(minutes, 0.2), check=False)
    except subprocess.TimeoutExpired:
        print("the sweep is not done; the same command continues it", flush=True)
    (folder / "sweep_seconds.json").write_text(json.dumps({"seconds": time.perf_counter() - start}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    parser.add_argument("--reference", type=Path, help="a checkout of sp-uhh/storm")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything; the sweep gets what is left")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    ends = time.perf_counter() + 60 * given.minutes
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "machine.json").write_text(
        json.dumps({"torch": torch.__version__, "device": _name(given.device), "arguments": vars(given)}, default=str)
    )
    measurement = Measurement(
        models(given.reference, 8 if given.quick else 128),
        given.device,
        recordings(2 if given.quick else 32),
        steps=1 if given.quick else 5,
        seconds=0.0 if given.quick else SECONDS_EACH,
    )
    results = Results(given.out)
    for case in cases(reference=given.reference is not None):
        if time.perf_counter() > ends - 60 * given.minutes / 3:  # a third is the sweep's
            break
        if not (given.quick and (case.batch == 32 or case.compile)):
            results.add(measurement(case))
    profile(measurement, given.out / "profile.txt")
    sweep(given.out, given.device, quick=given.quick, minutes=(ends - time.perf_counter()) / 60)


def _name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


if __name__ == "__main__":
    main()
