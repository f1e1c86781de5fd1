"""A small stored run, and tests exported from it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.commands import mushra
from bench.conf.compose import compose
from bench.core import audio
from bench.run.benchmark import run as bench_run
from listening_test.design.mapping import Test

RATE = 16000
CLIPS = 16


def speechlike(seconds: float, seed: int) -> np.ndarray:
    """A tone complex with a syllable-like envelope."""
    t = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * (100 + 7 * seed) * k * t) / k for k in range(1, 20))
    return (0.1 * tones * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored run of 16 clips (2 sexes x 2 tasks, 8 speakers, 4 SNRs) with a control and two systems."""
    root = tmp_path_factory.mktemp("stored")
    lines = []
    for index in range(CLIPS):
        name, snr = f"clip{index:02}", (0, 5, 10, 15)[index // 2 % 4]
        clean = speechlike(0.9 + 0.05 * (index % 4), index)
        noise = np.random.default_rng(index).normal(size=clean.size).astype(np.float32)
        noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-snr / 20)
        signals = {"clean": clean, "noisy": clean + noise, "half": clean + noise / 2, "tenth": 0.4 * clean + noise / 25}
        for folder, samples in signals.items():
            audio.write(root / "talk" / folder / f"{name}.wav", samples, RATE)
        tags = (("female", "male")[index % 2], ("denoise", "dereverb")[index // 8], f"speaker{index % 8}", snr)
        lines.append((name, f"noisy/{name}.wav", f"clean/{name}.wav", *tags))
    with (root / "talk" / "talk.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "noisy", "clean", "sex", "task", "speaker", "snr"), *lines])
    methods = [
        {"name": "precomputed", "dir": str(root / "talk" / label), "label": label} for label in ("half", "tenth")
    ]
    config = {"datasets": [str(root / "talk" / "talk.csv")], "methods": ["noisy", *methods], "metrics": ["si_sdr"]}
    result = bench_run({**compose("run", []), **config, "run": "talks", "runs_dir": str(root / "runs"), "workers": 0})
    assert not result.failures
    return result.folder


Export = Callable[..., tuple[Path, Test]]


@pytest.fixture(scope="session")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``exported(key=value, ...)``: a test from the run. What is asked for again is not made again."""
    made: dict[str, Path] = {}

    def export(**keys: Any) -> Path:
        asked = [f"{key}={value}" for key, value in {"clips": 4, **keys}.items()]
        name = " ".join(sorted(asked))
        if name not in made:
            folder = tmp_path_factory.mktemp("exported") / "test"
            mushra.export([str(run), *asked, f"out={folder}"])
            made[name] = folder
        return made[name]

    return export


@pytest.fixture
def export(run: Path, exported: Callable[..., Path], tmp_path: Path) -> Export:
    """``export(key=value, ...)``: a test from the run, in a new folder; in ``out``, made for that."""

    def copied(**keys: Any) -> tuple[Path, Test]:
        if "out" in keys:
            mushra.export([str(run), *(f"{key}={value}" for key, value in {"clips": 4, **keys}.items())])
            return Path(keys["out"]), Test.read(Path(keys["out"]))
        folder = tmp_path / f"exported{len(list(tmp_path.glob('exported*')))}"
        shutil.copytree(exported(**keys), folder)
        return folder, Test.read(folder)

    return copied
