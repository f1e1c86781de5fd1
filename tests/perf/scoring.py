"""Scoring stored audio in a run, on all cores, against a serial loop over the same metric functions.

And against as many such loops side by side, the best that the processor allows: where two cores share their arithmetic
units, as most that can be rented do, one loop is faster alone than either of two.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any
from unittest.mock import patch

from bench.conf.compose import compose
from bench.core import audio
from bench.datasets.base import create
from bench.run import benchmark
from bench.run.machine import local_cores
from metrics.base import METRICS
from metrics.clip import Recording
from results.store.folder import Store
from tests.perf.table import Options, Ratio

DATASET, METRIC_NAMES = "demo", ("pesq", "estoi", "si_sdr", "dnsmos")
LABELS, LOOPED = 16, 2
"""So many methods' outputs of each of 12 recordings are scored, in order that the start of Ray weighs little; so many
methods' by the loop."""

MOST = {2: 0.55}
"""The ratio that is asked for, by the number of cores."""


def measure(options: Options) -> Iterator[Ratio]:
    """Two ratios, of wall-clock times for a file: with the start and end of Ray, without tables and plots."""
    labels = [f"copy{number}" for number in range(1 if options.quick else LABELS)]
    with tempfile.TemporaryDirectory() as folder:
        keys = [f"runs_dir={folder}", "run=scoring", f"datasets=[{DATASET}]"]
        keys += [f"methods=[{','.join(f'{{name: noisy, label: {label}}}' for label in labels)}]"]
        benchmark.run(compose("run", [*keys, "metrics=[si_sdr]", "workers=0"]))
        timed = Timed(benchmark.execute)
        with patch.object(benchmark, "execute", timed):
            scored = benchmark.run(compose("run", [*keys, f"metrics=[{','.join(METRIC_NAMES)}]", "rescore=true"]))
        ours = timed.seconds / scored.computed
        loop = _serial_loop(scored.folder, labels[:LOOPED])
        cores = local_cores()
        loops = _side_by_side(scored.folder, labels[:LOOPED], cores)
    what = f"{', '.join(METRIC_NAMES)} of {scored.computed} files on {cores} cores, each"
    yield Ratio("scoring", what, ours, "serial loop", loop, most=MOST.get(cores))
    yield Ratio("scoring", what, ours, f"{cores} serial loops side by side", loops)


class Timed:
    """A function, and by the clock for how long it ran."""

    seconds = 0.0

    def __init__(self, function: Callable[..., None]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> None:
        started = time.perf_counter()
        self.function(*arguments)
        self.seconds += time.perf_counter() - started


def _side_by_side(folder: Path, methods: Collection[str], loops: int) -> float:
    """Seconds for a file of several serial loops, which begin at the same time."""
    processes = get_context("spawn")
    with processes.Manager() as manager, ProcessPoolExecutor(loops, processes) as pool:
        loop = partial(_serial_loop, folder, methods, manager.Barrier(loops))
        found = [pool.submit(loop) for _ in range(loops)]
        return sum(seconds.result() for seconds in found) / loops**2


def _serial_loop(folder: Path, methods: Collection[str], together: Barrier | None = None) -> float:
    """Seconds for a file, over those of some methods; models are loaded before."""
    recordings, store = create(DATASET), Store(folder)
    metrics = [METRICS.create(name) for name in METRIC_NAMES]
    keys = [key for key in store.rows() if key.method in methods]
    loaded = {name: Recording(recordings.load(name)) for name in recordings.ids()}
    started = 0.0
    for key in [keys[0], *keys]:
        speech = audio.read(store.audio_path(key))[0]
        for metric in metrics:
            metric.score(speech, loaded[key.utterance])
        if not started:
            if together:
                together.wait()
            started = time.perf_counter()
    return (time.perf_counter() - started) / len(keys)
