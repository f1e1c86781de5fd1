"""What the harness adds to enhancement and scoring: 500 clips in a run, against a bare loop over the same calls."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench.conf.compose import compose
from bench.core import audio
from bench.core.memory import keep_freed_memory
from bench.core.types import Utterance
from bench.datasets.paired_folder import PairedFolder
from bench.run.assembly import assembled
from bench.run.benchmark import execute
from bench.run.plan import keys, plan
from bench.run.settings import Settings
from methods.base import METHODS
from metrics.base import METRICS
from results.store.folder import Store
from tests.perf.table import Options, Ratio

CLIPS, SECONDS, RATE = 500, 2.0, 16000
METHOD, METRIC = "ncsnpp_m", "si_sdr"
MOST = 1.05


def measure(options: Options) -> Iterator[Ratio]:
    """One ratio of wall-clock times, without Ray; with plan, files and rows, without tables and plots."""
    with tempfile.TemporaryDirectory() as folder:
        clips = _recordings(Path(folder) / "talk", 5 if options.quick else CLIPS)
        config = compose("run", [f"runs_dir={folder}", f"datasets=[{clips}]", f"methods=[{METHOD}]", "device=cpu"])
        settings = Settings.of({**config, "metrics": [METRIC], "workers": 0, "measure_cost": False})
        loop = _bare_loop(clips)
        started = time.perf_counter()
        there = assembled(settings, "cpu")
        versions = {label: there.version(label) for label in there.metrics}
        with Store(settings.folder) as store:
            cells = list(plan(keys(settings, there), {}, versions, lambda _: False))
            execute(cells, store.standings(), there, settings, store, {})
        ours = time.perf_counter() - started
    yield Ratio("harness", f"{len(cells)} clips: {METHOD}, {METRIC}", ours, "bare loop", loop, most=MOST)


def _recordings(folder: Path, count: int) -> Path:
    random = np.random.default_rng(0)
    for number in range(count):
        for side in ("clean", "noisy"):
            signal = (0.1 * random.normal(size=round(SECONDS * RATE))).astype(np.float32)
            audio.write(folder / side / f"{number:03}.wav", signal, RATE)
    return folder


def _bare_loop(folder: Path) -> float:
    keep_freed_memory()
    torch.set_num_threads(1)
    started = time.perf_counter()
    dataset, method, metric = PairedFolder(folder), METHODS.create(METHOD, device="cpu"), METRICS.create(METRIC)
    for name in dataset.ids():
        recording: Utterance = dataset.load(name)
        metric.score(method.enhance(recording.noisy, recording.sample_rate, None, 0).audio, recording)
    return time.perf_counter() - started
