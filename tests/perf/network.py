"""NCSN++ at the paper's size and at 32 channels, forward and in a training step, as ``bench run`` and ``train`` run it.

The reference runs as its scripts do; ours keeps freed memory, as every worker of ``bench run`` does. Without a
checkout of the reference, our network in float32 and its bare convolutions are the baselines. bfloat16 is left out on a
processor that only emulates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from methods.backbones import NCSNpp
from methods.devices import multiplies_bfloat16
from tests.perf.reference import reference_network
from tests.perf.table import Options, Ratio
from tests.perf.turns import in_processes

WIDTHS = {128: {"float32": 1 / 2.5, "bfloat16": 1 / 5}, 32: {"float32": 1 / 4, "bfloat16": 1 / 7}}
"""The ratio to the reference's time that ours should not exceed."""


def measure(options: Options) -> Iterator[Ratio]:
    frames = 64 if options.quick else 256
    for width, most in ({8: WIDTHS[32]} if options.quick else WIDTHS).items():
        yield from _forward(width, frames, most, options)
    if multiplies_bfloat16("cpu"):
        yield from _training(options)


def _forward(width: int, frames: int, most: dict[str, float], options: Options) -> Iterator[Ratio]:
    precisions = ("float32", "bfloat16") if multiplies_bfloat16("cpu") else ("float32",)
    jobs = {precision: partial(forward, width, frames, precision) for precision in precisions}
    jobs |= {f"bare convolutions, {name}": partial(convolutions, width, frames, name) for name in precisions}
    if options.reference:
        jobs["reference"] = partial(reference_forward, options.reference, width, frames)
    keep = [name != "reference" for name in jobs]
    times = dict(
        zip(
            jobs,
            in_processes(list(jobs.values()), keep_memory=keep, threads=options.threads, repeat=options.repeat),
            strict=True,
        )
    )
    for precision in precisions:
        what, seconds = f"forward, {width} channels, {frames} frames, {precision}", times[precision]
        if options.reference:
            yield Ratio("network", what, seconds, "sp-uhh/storm, float32", times["reference"], most=most[precision])
        bare = f"bare convolutions, {precision}"
        yield Ratio("network", what, seconds, bare, times[bare])
    if "bfloat16" in precisions:
        what = f"forward, {width} channels, {frames} frames, bfloat16"
        yield Ratio("network", what, times["bfloat16"], "the same in float32", times["float32"])


def _training(options: Options) -> Iterator[Ratio]:
    size = (8, 1, 64) if options.quick else (32, 8, 128)
    jobs = [partial(training_step, *size, precision) for precision in ("bfloat16", "float32")]
    half, whole = in_processes(jobs, keep_memory=[True, True], threads=options.threads, repeat=options.repeat)
    what = f"training step, {size[0]} channels, {size[1]} crops of {size[2]} frames, bfloat16"
    yield Ratio("network", what, half, "the same in float32", whole)


def _network(width: int, precision: str) -> NCSNpp:
    network = NCSNpp(width=width).eval()
    if precision == "bfloat16":
        network.to_bfloat16()
    return network


def _inputs(frames: int) -> tuple[Tensor, Tensor]:
    return torch.randn(1, 2, 256, frames, dtype=torch.complex64), torch.tensor([0.5])


def _run(network: Callable[..., Any], *inputs: Tensor) -> Callable[[], object]:
    @torch.inference_mode()
    def run() -> object:
        return network(*inputs)

    return run


def forward(width: int, frames: int, precision: str) -> Callable[[], object]:
    """One pass of our network."""
    return _run(_network(width, precision), *_inputs(frames))


def reference_forward(checkout: Path, width: int, frames: int) -> Callable[[], object]:
    """One pass of the reference's network."""
    return _run(reference_network(checkout, width), *_inputs(frames))


def convolutions(width: int, frames: int, precision: str) -> Callable[[], object]:
    """The same network's convolutions on feature maps of the same sizes, and nothing between them."""
    network, calls = _network(width, precision), list[tuple[nn.Conv2d, Tensor]]()

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d)
        calls.append((layer, given[0].clone(memory_format=torch.channels_last)))

    handles = [layer.register_forward_pre_hook(note) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    _run(network, *_inputs(frames))()
    for handle in handles:
        handle.remove()

    @torch.inference_mode()
    def run() -> None:
        for layer, given in calls:
            layer(given)

    return run


def training_step(width: int, crops: int, frames: int, precision: str) -> Callable[[], object]:
    """Forward, backward and Adam, as ``bench train`` does with mixed precision."""
    network = NCSNpp(width=width)
    x = torch.randn(crops, 2, 256, frames, dtype=torch.complex64)
    t = torch.rand(crops) * 0.97 + 0.03
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            loss = network(x, t).abs().square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run
