"""Recordings, and one Ray for all tests that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.core import audio
from bench.run.cluster import Pool, cluster
from tests.bench import toys  # noqa: F401 (registers them)

RATE = 16000
"""Of the recordings, in Hz."""


def speechlike(seconds: float, seed: int = 0) -> np.ndarray:
    """A tone complex with a syllable-like envelope, float32 at 16 kHz."""
    t = np.arange(round(seconds * RATE)) / RATE
    pitch = 100 + 20 * seed
    tones = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 20))
    return (0.1 * tones * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.05 * np.random.default_rng(seed).normal(size=samples)).astype(np.float32)


def talk(parent: Path, first: int = 0) -> Path:
    """A folder ``talk`` with clean/ and noisy/ of six clips, ``clip0`` to ``clip5``, 0.6 s each.

    Args:
        first: the seed of ``clip0``.
    """
    folder = parent / "talk"
    for index in range(6):
        clean = speechlike(0.6, first + index)
        audio.write(folder / "clean" / f"clip{index}.wav", clean, RATE)
        audio.write(folder / "noisy" / f"clip{index}.wav", clean + noise(clean.size, first + index), RATE)
    return folder


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """``talk`` in the test's own folder."""
    return talk(tmp_path)


@pytest.fixture
def config(tmp_path: Path, recordings: Path) -> Callable[..., dict[str, Any]]:
    """``config(key=value, ...)``: a small serial run over ``recordings``, one step count, one seed, no costs."""
    from bench.conf.compose import compose

    defaults = {
        **compose("run", []),
        **{"run": "test", "runs_dir": str(tmp_path / "runs"), "datasets": [str(recordings)]},
        **{
            "methods": ["noisy", "toy_diffusion"],
            "metrics": ["si_sdr"],
            "steps": [3],
            "workers": 0,
            "measure_cost": False,
        },
    }

    def make(**changes: Any) -> dict[str, Any]:
        assert changes.keys() <= defaults.keys()
        return {**defaults, **changes}

    return make


@pytest.fixture
def drawn() -> None:
    """Asked for by a test that looks at plots."""


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a few small clips draws for longer than it computes: only where plots are looked at."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("results.views.summary._draw", lambda looks, folder: None)


@pytest.fixture(scope="session")
def ray() -> Iterator[None]:
    """Ray with two workers, started once; runs inside use it as they find it."""
    with cluster(Pool(workers=2)):
        yield
