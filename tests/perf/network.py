"""Time NCSN++: a forward pass at the paper's size and at 32 channels, and a training step.

    python tests/perf/network.py [--threads 2] [--repeat 5] [--reference CHECKOUT]

With ``--reference``, a checkout of sp-uhh/storm, its network is timed in the same run, turn by turn with
ours: absolute times drift with the machine's load, ratios do not. Nothing of it is built: its compiled
extension is left out, so that its own plain-torch fallback runs, as it does on any CPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.backbones import NCSNpp

TARGETS = {128: 1.7, 32: 2.5}
"""How many times faster than the reference, by width."""


def seconds(*jobs: Callable[[], object], repeat: int) -> list[float]:
    """Median seconds of each job, the jobs taking turns after one warm-up round."""
    times: list[list[float]] = [[] for _ in jobs]
    for turn in range(repeat + 1):
        for job, record in zip(jobs, times, strict=True):
            start = time.perf_counter()
            job()
            if turn:
                record.append(time.perf_counter() - start)
    return [statistics.median(record) for record in times]


def forward(network: Callable[..., Tensor]) -> Callable[[], Tensor]:
    """One forward pass over 256 frames (2.04 s)."""
    x, t = torch.randn(1, 2, 256, 256, dtype=torch.complex64), torch.tensor([0.5])

    @torch.inference_mode()
    def run() -> Tensor:
        return network(x, t)

    return run


def training_step(network: torch.nn.Module, precision: torch.dtype) -> Callable[[], None]:
    """Forward, backward and Adam on 8 crops of 128 frames."""
    x, t = torch.randn(8, 2, 256, 128, dtype=torch.complex64), torch.rand(8) * 0.97 + 0.03
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            loss = network(x, t).abs().square().mean()
        loss.backward()
        optimizer.step()

    return run


def reference_network(checkout: Path) -> Callable[[int], Any]:
    """The reference's NCSN++M constructor by width, imported without its compiled extension."""
    import torch.utils.cpp_extension

    torch.utils.cpp_extension.load = lambda *_, **__: None
    packages = {"sgmse": checkout / "sgmse", "sgmse.util": checkout / "sgmse/util"}
    packages["sgmse.backbones"] = checkout / "sgmse/backbones"
    for name, folder in packages.items():  # without their __init__, which import the whole project
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    other = types.ModuleType("sgmse.util.other")
    other.pad_spec = lambda spectrogram: spectrogram  # type: ignore[attr-defined]
    sys.modules["sgmse.util.other"] = other
    from sgmse.backbones.ncsnpp import NCSNpp as Reference  # type: ignore[import-not-found]

    return lambda width: Reference(nf=width, input_channels=4, discriminative=False).eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--reference", type=Path, help="a checkout of sp-uhh/storm")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reference = reference_network(options.reference) if options.reference else None

    for width, target in TARGETS.items():
        jobs = [forward(NCSNpp(width=width).eval())]
        if reference:
            jobs.append(forward(reference(width)))
        ours, *theirs = seconds(*jobs, repeat=options.repeat)
        line = f"forward, {width} channels, 256 frames, float32: {ours:.3f} s"
        if theirs:
            line += f"; reference {theirs[0]:.3f} s, {theirs[0] / ours:.2f} times as long (target {target})"
        print(line, flush=True)

    for precision in (torch.float32, torch.bfloat16):
        (step,) = seconds(training_step(NCSNpp(width=32), precision), repeat=options.repeat)
        print(f"training step, 32 channels, 8 crops of 128 frames, {precision}: {step:.2f} s (target 2.5)", flush=True)


if __name__ == "__main__":
    main()
