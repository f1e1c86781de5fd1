"""Methods over recordings: in batches, and in lower precision, against one clip at a time in float32.

bfloat16 is left out on a processor that only emulates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from bench.core.types import Utterance
from bench.run.inference import Inference, Request
from methods.base import create
from methods.devices import multiplies_bfloat16
from tests.perf.table import Options, Ratio
from tests.perf.turns import in_processes

RATE = 16000
COUNT = 8
"""The number of recordings, of two seconds each."""


def measure(options: Options) -> Iterator[Ratio]:
    for method in ("ncsnpp_m",) if options.quick else ("ncsnpp_m", "storm"):
        jobs = {
            "one clip at a time, float32": partial(enhancing, method, 1, "float32"),
            "batch 4, float32": partial(enhancing, method, 4, "float32"),
            "batch 8, float32": partial(enhancing, method, 8, "float32"),
        }
        if multiplies_bfloat16("cpu"):
            jobs["one clip at a time, bfloat16"] = partial(enhancing, method, 1, "bfloat16")
            jobs["batch 8, bfloat16"] = partial(enhancing, method, 8, "bfloat16")
        times = in_processes(
            list(jobs.values()), keep_memory=[True] * len(jobs), threads=options.threads, repeat=options.repeat
        )
        baseline = next(iter(jobs))
        for name, seconds in list(zip(jobs, times, strict=True))[1:]:
            yield Ratio("enhance", f"{COUNT} clips with {method}, {name}", seconds, baseline, times[0])


def enhancing(method: str, batch: int, precision: str) -> Callable[[], object]:
    """All recordings once, with the embedded weights, N = 2."""
    inference = Inference(create(method, device="cpu", precision=precision), batch=batch)
    rng = np.random.default_rng(0)
    clips = [Utterance(str(i), rng.normal(0, 0.1, 2 * RATE).astype(np.float32), RATE) for i in range(COUNT)]
    steps = 2 if inference.method.uses_steps else None

    def run() -> object:
        made = inference.many([Request(clip, steps, torch.Generator().manual_seed(0)) for clip in clips])
        assert not any(isinstance(one, Exception) for one in made), made
        return made

    return run
