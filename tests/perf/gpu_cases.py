"""What ``tests.perf.gpu`` measures of ways to enhance the same files, and the files its figures are written to."""

from __future__ import annotations

import copy
import csv
import json
import os
import statistics
import subprocess
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.core.types import Audio, Utterance
from bench.datasets.base import DATASETS
from bench.run.inference import Inference, Request, Timed
from methods.sgmse import SGMSE
from methods.weights import TrainedModel

CLIP_SECONDS = 2.0
COMPILE_SECONDS = 120.0
"""Expected of the first compiled case; of the next ones what the slowest took."""
OURS, REFERENCE = "ours", "sp-uhh/storm"


@dataclass(frozen=True)
class Case:
    """One way to enhance the files."""

    system: str
    precision: str = "float32"
    compile: bool = False
    batch: int = 1


@dataclass(frozen=True)
class Figures:
    """What was measured of a case.

    Attributes:
        times_first: files per second relative to the first case's.
        apart: the largest difference to the first case's output on the first file, of its peak.
        first_call_seconds: of the call before those that are measured, which allocates, tunes and compiles.
    """

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

    @classmethod
    def from_flat(cls, line: dict[str, Any]) -> Figures:
        """From a line of a table."""
        case = Case(**{name: line.pop(name) for name in Case.__dataclass_fields__})
        return cls(case, **line)


@dataclass
class Results:
    """Figures, and the files that they are written to; those of an earlier call are read."""

    folder: Path
    figures: list[Figures] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self._lines.exists():
            self.figures = [Figures.from_flat(json.loads(line)) for line in self._lines.read_text().splitlines()]

    @property
    def _lines(self) -> Path:
        return self.folder / "results.jsonl"

    @property
    def first(self) -> Figures | None:
        """Of the first case that could be measured."""
        return next((one for one in self.figures if not one.error), None)

    def has(self, case: Case) -> bool:
        """Whether the case was measured, or failed."""
        return any(one.case == case for one in self.figures)

    def add(self, figures: Figures) -> None:
        """Write one line, to the disk itself, and the table of all."""
        first = self.first or figures
        if not figures.error:
            figures = replace(figures, times_first=figures.files_per_second / first.files_per_second)
        self.figures.append(figures)
        with self._lines.open("a") as file:
            file.write(json.dumps(figures.flat()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with (self.folder / "results.csv").open("w", newline="") as table:
            writer = csv.DictWriter(table, list(figures.flat()))
            writer.writeheader()
            writer.writerows(one.flat() for one in self.figures)
        print(figures.flat(), flush=True)

    def expected_seconds(self, case: Case, seconds: float) -> float:
        """At most so long ``case`` will take that is measured for ``seconds``, by the slowest figures of its like."""
        done = [one for one in self.figures if not one.error]
        alike = [one for one in done if (one.case.system, one.case.precision) == (case.system, case.precision)]
        calls = 2 * case.batch / min((one.files_per_second for one in alike or done), default=1.0)
        compiling = max((one.first_call_seconds for one in done if one.case.compile), default=COMPILE_SECONDS)
        return seconds + calls + (compiling if case.compile else 0.0)


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


@dataclass(frozen=True)
class Measurement:
    """Measures cases over the same files.

    Attributes:
        wanted: the file of the first output, which the others are compared with.
        steps: reverse steps N.
        seconds: that a case is measured, at least one batch.
    """

    models: dict[str, TrainedModel]
    device: str
    files: list[Utterance]
    wanted: Path
    steps: int
    seconds: float

    def __call__(self, case: Case) -> Figures:
        """Its figures; those of a case that fails say why."""
        try:
            return self._measured(case)
        except Exception as error:  # the other cases are measured all the same
            return Figures(case, error=" ".join(f"{type(error).__name__}: {error}".split())[:300])

    def inference(self, case: Case) -> Inference:
        """A method of its own for the case."""
        model = copy.deepcopy(self.models[case.system])
        method = SGMSE(model, device=self.device, precision=case.precision, compile=case.compile)
        return Inference(method, batch=case.batch)

    def enhanced(self, inference: Inference, start: int, count: int) -> list[Audio]:
        """The next ``count`` files in one batch, read back from the device."""
        chosen = [self.files[i % len(self.files)] for i in range(start, start + count)]
        requests = [Request(clip, self.steps, torch.Generator().manual_seed(i)) for i, clip in enumerate(chosen)]
        made = inference.many(requests)
        if failures := [one for one in made if isinstance(one, Exception)]:
            raise failures[0]
        timed = [one for one in made if isinstance(one, Timed)]
        if {one.computing.get("batch", 1) for one in timed} != {count}:
            raise MemoryError(f"a batch of {count} does not fit")
        return [one.enhanced.audio for one in timed]

    def _measured(self, case: Case) -> Figures:
        cuda = self.device.startswith("cuda")
        inference = self.inference(case)
        start = time.perf_counter()
        outputs = self.enhanced(inference, 0, case.batch)
        first_call = time.perf_counter() - start
        if cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
        done, start = 0, time.perf_counter()
        with Utilisation() as utilisation:
            while done == 0 or time.perf_counter() - start < self.seconds:
                self.enhanced(inference, done, case.batch)
                done += case.batch
        elapsed = time.perf_counter() - start
        memory = torch.cuda.max_memory_allocated(self.device) / 2**30 if cuda else None
        return Figures(
            case,
            files_per_second=done / elapsed,
            seconds_of_audio_per_second=done * CLIP_SECONDS / elapsed,
            utilisation_percent=utilisation.percent,
            peak_memory_gib=memory,
            apart=self._apart(outputs[0]),
            first_call_seconds=first_call,
        )

    def _apart(self, output: Audio) -> float | None:
        if not self.wanted.exists():
            np.save(self.wanted, output)
            return None
        wanted = np.load(self.wanted)
        return float(np.abs(output - wanted).max() / np.abs(wanted).max())
