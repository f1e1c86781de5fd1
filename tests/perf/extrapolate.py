"""What a thousand million cells would need, from what smaller runs took: the tables of ``docs/scale.md``.

    python -m tests.perf.extrapolate [--cells 1e9] [--seconds 5] [--gpu-tflops 40] [--gpu-price 2.5] ... [--write]

``scale.json`` has what was measured (``tests.perf.scale``, ``tests.perf.store``); the work of a network call is counted
here, on the network itself; what is neither is a parameter, with its default in the table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from methods.backbones import NCSNpp

MEASURED = Path(__file__).parent / "scale.json"
DOCUMENT = Path(__file__).parents[2] / "docs" / "scale.md"
MARK = "<!-- tests/perf/extrapolate.py -->\n\n"
STEP_COUNTS = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50)
CALLS_PER_STEP = 2
"""A predictor and one corrector, as the releases have it."""

FRAMES, FRAMES_PER_SECOND = 256, 125
SAMPLE_BYTES = 4 * 16000


@dataclass(frozen=True)
class Assumed:
    """What nobody measured here.

    Attributes:
        cells: of all runs.
        seconds: of a recording, on average.
        gpu_tflops: floating-point operations that a GPU does in a second of these networks, in 1e12.
        gpu_price, core_price: of an hour.
        gpus: that compute at the same time.
        shards: among which the recordings are divided.
    """

    cells: float = 1e9
    seconds: float = 5.0
    gpu_tflops: float = 40.0
    gpu_price: float = 2.5
    core_price: float = 0.04
    gpus: float = 1000
    shards: float = 1000


def flops_per_second_of_audio() -> float:
    """Of one network call at the paper's size (27.8 million parameters), counted on the network without computing."""
    with torch.device("meta"), torch.inference_mode():
        network = NCSNpp(inputs=2)
        state, t = torch.zeros(1, 2, 256, FRAMES, dtype=torch.complex64), torch.zeros(1)
        with FlopCounterMode(display=False) as counted:
            network(state, t)
    return counted.get_total_flops() * FRAMES_PER_SECOND / FRAMES


def figures(assumed: Assumed, measured: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is needed, and how much of it."""
    cells, audio = assumed.cells, assumed.cells * assumed.seconds
    calls = CALLS_PER_STEP * sum(STEP_COUNTS) / len(STEP_COUNTS)
    flops = flops_per_second_of_audio()
    gpu_hours = audio * calls * flops / (assumed.gpu_tflops * 1e12) / 3600
    core_hours = audio * measured["scoring_seconds_per_second"] / 3600
    per_shard = cells / assumed.shards
    rate = measured["cells_per_second_serial"]
    yield "network calls of a cell, mean", f"{calls:.1f}"
    yield "operations of a call, for a second of audio", f"{flops / 1e9:.0f} GFLOP"
    yield "GPU hours", _number(gpu_hours)
    yield f"days on {assumed.gpus:g} GPUs", _number(gpu_hours / assumed.gpus / 24)
    yield f"money for GPUs, at {assumed.gpu_price:g} an hour", _number(gpu_hours * assumed.gpu_price)
    yield "core hours of scoring", _number(core_hours)
    yield f"money for cores, at {assumed.core_price:g} an hour", _number(core_hours * assumed.core_price)
    yield "rows", _bytes(cells * measured["bytes_per_row"])
    yield "audio, with keep_audio=all", _bytes(audio * SAMPLE_BYTES)
    yield "one driver: memory to resume", _bytes(cells * measured["resume_bytes_per_row"])
    yield "one driver: memory for the leaderboard", _bytes(cells * measured["row_bytes"])
    yield "one driver: days, if nothing else took time", _number(cells / rate / 24 / 3600)
    yield f"of {assumed.shards:g} shards each: cells", _number(per_shard)
    yield "its driver's memory to resume", _bytes(per_shard * measured["resume_bytes_per_row"])
    yield "its driver's memory for the leaderboard", _bytes(per_shard * measured["row_bytes"])
    yield "its time to resume", f"{_number(per_shard * measured['resume_seconds_per_row'])} s"
    yield "its rows", _bytes(per_shard * measured["bytes_per_row"])


def tables(assumed: Assumed) -> str:
    """Two Markdown tables: what was measured and assumed, and what follows."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    given = [(name, value) for name, value in measured.items() if not name.startswith("_")]
    given += [(f"{field.name} (assumed)", getattr(assumed, field.name)) for field in fields(assumed)]
    lines = ["| from | |", "| --- | ---: |", *(f"| {name} | {value:g} |" for name, value in given)]
    lines += ["", "| needed | |", "| --- | ---: |"]
    lines += [f"| {what} | {amount} |" for what, amount in figures(assumed, measured)]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.12g}"


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.2g} {unit}" if count < 100 else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.2g} PB"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Assumed):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    parser.add_argument("--write", action="store_true", help="into docs/scale.md")
    given = vars(parser.parse_args(arguments))
    write = given.pop("write")
    text = tables(Assumed(**given))
    if write:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
        DOCUMENT.write_text(f"{before}{MARK}{text}\n{MARK}{rest.partition(MARK)[2]}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
