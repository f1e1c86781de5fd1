"""What a system costs, measured on its real networks, alone, before the cells of a run are computed.

Nothing is stated: parameters and multiply-accumulates are those of the modules that are called, memory is what the
process grows by, and the algorithmic latency is how far back a change of the input reaches in the output.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import numpy as np
import psutil
import torch

from bench.core.types import Audio
from bench.run.arithmetic import Enhance, count
from bench.run.timing import Stopwatch
from methods.base import Method

EXCERPTS = 3
EXCERPT_SECONDS = 2.0
"""Time is measured on excerpts: the first seconds of so many recordings."""

REPEAT_SECONDS = 3.0
"""The excerpts are enhanced again for so long: at least once each after a warm-up, at most ``ROUNDS`` times."""

ROUNDS = 5

BUSY = 0.25
"""A machine is busy if other processes use more than this fraction of it, or more than one core."""

PATIENCE = 10
"""So often a busy machine is looked at, a fifth of a second each: what has just started, Ray's workers, soon rests."""

LONGEST_LATENCY = 0.25
"""Seconds. What looks further ahead is not meant for streaming."""

_MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """The cost of one system.

    Attributes:
        values: ``parameters``; ``macs_per_second``, multiply-accumulates per second of audio in convolutions, matrix
            products and attention; ``peak_memory_mb``, parameters and working memory on an excerpt; and
            ``algorithmic_latency_ms`` of systems that can work on a stream. Each only where it could be measured.
        times: real-time factors of single enhancements.
        busy: the fraction of the processor that other processes used; above ``BUSY``, ``times`` are no RTF.
        device: what it was measured on: the processor's or GPU's name, and threads.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    times: Sequence[float] = ()
    busy: float = 0.0
    device: str = ""

    def row_values(self) -> dict[str, float]:
        """The row's ``cost``: with the RTF (median) and its quartiles, if nothing else kept the device busy."""
        if not self.times or self.busy > BUSY:
            return dict(self.values)
        low, middle, high = quantiles(self.times, n=4, method="inclusive") if self.times[1:] else [self.times[0]] * 3
        return {**self.values, "rtf": middle, "rtf_low": low, "rtf_high": high}


def measure(method: Method, excerpts: Sequence[Audio], sample_rate: int, steps: int | None, device: str) -> Cost:
    """The cost of ``method`` with ``steps``. ``excerpts``: float32 ``[samples]`` each, at ``sample_rate`` Hz."""
    with method.measuring():
        return _measured(method, excerpts, sample_rate, steps, device)


def _measured(method: Method, excerpts: Sequence[Audio], sample_rate: int, steps: int | None, device: str) -> Cost:
    busy = settled()

    def enhance(noisy: Audio) -> Audio:
        return method.enhance(noisy, sample_rate, steps if method.uses_steps else None, 0).audio

    import torch._dynamo  # what counting operations imports is no memory of the method
    import torch.utils.flop_counter  # noqa: F401

    first, values = excerpts[0], dict[str, float]()
    where = str(getattr(method, "device", "cpu"))
    with _growth(where) as grown:
        values |= count(enhance, first, len(first) / sample_rate)
    if grown and not method.elsewhere:
        values["peak_memory_mb"] = grown[0] + values.get("parameters", 0) * 4 / _MIB
    if not method.stochastic and (latency := algorithmic_latency(enhance, first, sample_rate)) is not None:
        values["algorithmic_latency_ms"] = 1000 * latency
    if busy > BUSY:
        return Cost(values, (), busy, device)
    times = _times(enhance, excerpts, sample_rate, where)
    return Cost(values, times, max(busy, others()), device)


def others(seconds: float = 0.2) -> float:
    """The fraction of the processor that is in use while this process waits; of one core if that is more."""
    cores = psutil.cpu_count() or 1
    used = float(psutil.cpu_percent(seconds)) / 100
    return max(used, used * cores - 1)


def settled() -> float:
    """``others`` as soon as the machine is not busy; on one that stays so, what was found last."""
    busy = others()
    for _ in range(PATIENCE):
        if busy <= BUSY:
            break
        busy = others()
    return busy


def algorithmic_latency(enhance: Enhance, noisy: Audio, sample_rate: int) -> float | None:
    """Seconds by which a change of the input reaches back in the output, at most over several instants.

    None for a method that looks further ahead than ``LONGEST_LATENCY``, at the whole recording for instance.
    """
    longest = round(LONGEST_LATENCY * sample_rate)
    if len(noisy) < 4 * longest:
        return None
    before = np.asarray(enhance(noisy))
    threshold = 1e-4 * float(np.sqrt(np.mean(np.square(before)))) or 1e-9
    reach = 0
    for instant in np.linspace(2 * longest, len(noisy) - longest, 7).astype(int) | 1:  # odd: at no frame's boundary
        changed = noisy.copy()
        changed[instant:] = -changed[instant:]
        differs = np.abs(np.asarray(enhance(changed)) - before) > threshold
        if not differs.any() or instant - int(differs.argmax()) > longest:
            return None
        reach = max(reach, instant - int(differs.argmax()))
    return reach / sample_rate


def _times(enhance: Enhance, excerpts: Sequence[Audio], sample_rate: int, device: str) -> list[float]:
    """Real-time factors, one excerpt after the other; the method is warm."""
    times: list[float] = []
    started = perf_counter()
    for _ in range(ROUNDS):
        for noisy in excerpts:
            with Stopwatch(device) as watch:
                enhance(noisy)
            times.append(watch.seconds * sample_rate / len(noisy))
        if perf_counter() - started > REPEAT_SECONDS:
            break
    return times


@contextmanager
def _growth(device: str) -> Iterator[list[float]]:
    """A list that at the end holds the MiB by which memory grew at most; empty where that cannot be told."""
    grown: list[float] = []
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield grown
        grown.append((torch.cuda.max_memory_allocated(device) - before) / _MIB)
        return
    gc.collect()
    resident = None
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # resets the highest resident memory (Linux)
        resident = _status("VmRSS")
    yield grown
    if resident is not None:
        grown.append(max(0.0, (_status("VmHWM") - resident) / 1024))


def _status(name: str) -> float:
    """A figure of this process, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[1])


def named(device: str, threads: int, machine: Mapping[str, Any]) -> str:
    """The device as it is printed with times: ``NVIDIA H100`` or ``AMD EPYC 7763, 1 thread``."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return f"{machine['cpu']}, {threads} thread{'s' * (threads > 1)}"
