"""Scoring stored audio in a run, on all cores, against a serial loop over the same metric functions."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.conf.compose import compose
from bench.core import audio
from bench.datasets.base import create
from bench.run.benchmark import run
from bench.run.machine import local_cores
from metrics.base import METRICS
from metrics.clip import Recording
from results.store.folder import Store
from tests.perf.table import Options, Ratio

METRIC_NAMES = ("pesq", "estoi", "si_sdr", "dnsmos")
LABELS = 6
"""So many methods' outputs of each of 48 recordings, in order that the start of Ray weighs little."""

MOST = {2: 0.55}
"""The ratio that is asked for, by the number of cores."""


def measure(options: Options) -> Iterator[Ratio]:
    """One ratio, of wall-clock times with the start and end of Ray, each side once after the other."""
    labels = [f"copy{number}" for number in range(1 if options.quick else LABELS)]
    with tempfile.TemporaryDirectory() as folder:
        keys = [f"runs_dir={folder}", "run=scoring", f"datasets=[{'demo' if options.quick else 'demo_full'}]"]
        keys += [f"methods=[{','.join(f'{{name: noisy, label: {label}}}' for label in labels)}]"]
        stored = run(compose("run", [*keys, "metrics=[si_sdr]", "workers=0"])).folder
        started = time.perf_counter()
        run(compose("run", [*keys, f"metrics=[{','.join(METRIC_NAMES)}]", "rescore=true"]))
        ours = time.perf_counter() - started
        started = time.perf_counter()
        _serial_loop(stored, "demo" if options.quick else "demo_full")
        loop = time.perf_counter() - started
    cores = local_cores()
    yield Ratio(
        "scoring", f"{', '.join(METRIC_NAMES)} on {cores} cores", ours, "serial loop", loop, most=MOST.get(cores)
    )


def _serial_loop(folder: Path, dataset: str) -> None:
    recordings = create(dataset)
    metrics = [METRICS.create(name) for name in METRIC_NAMES]
    store = Store(folder)
    loaded = {name: Recording(recordings.load(name)) for name in recordings.ids()}
    for key in store.rows():
        speech = audio.read(store.audio_path(key))[0]
        for metric in metrics:
            metric.score(speech, loaded[key.utterance])
