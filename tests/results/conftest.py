"""Rows to fill stores, tables and plots with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.core.types import Score, Status
from results.statistics.panel import MetricScores, Panel, System
from results.store.info import MetricInfo
from results.store.rows import Key, Row

METRICS = {"pesq": MetricInfo("PESQ", "MOS"), "lsd": MetricInfo("LSD", "dB", higher_is_better=False)}


def make_row(
    utterance: str = "a",
    *,
    dataset: str = "demo",
    method: str = "noisy",
    steps: int | None = None,
    seed: int | None = None,
    paradigm: str = "control",
    status: Status = "ok",
    **rest: Any,
) -> Row:
    """A row; keywords that ``Row`` does not know are scores, given as numbers or as ``Score``."""
    known = {name: rest.pop(name) for name in list(rest) if name in Row.__dataclass_fields__}
    scores = {name: value if isinstance(value, Score) else Score(value) for name, value in rest.items()}
    return Row(Key(dataset, method, steps, seed, utterance), paradigm, status, scores=scores, **known)


def score_rows(scores: NDArray[np.float64], speakers: Sequence[int] | None = None) -> list[Row]:
    """Rows of a metric ``x`` from ``[methods, clips]`` or ``[methods, clips, seeds]``, methods ``m00``, ``m01``, ..."""
    seeds = range(scores.shape[2]) if scores.ndim == 3 else (None,)
    return [
        make_row(
            f"u{clip:04d}",
            method=f"m{method:02d}",
            paradigm="predictive",
            seed=seed,
            tags={} if speakers is None else {"speaker": f"s{speakers[clip]}"},
            x=float(scores[method, clip] if seed is None else scores[method, clip, seed]),
        )
        for method in range(scores.shape[0])
        for clip in range(scores.shape[1])
        for seed in seeds
    ]


def score_panel(scores: NDArray[np.float64], speakers: NDArray[np.intp] | None = None) -> Panel:
    """The panel of ``score_rows``, without the rows."""
    samples = scores if scores.ndim == 3 else scores[:, :, None]
    systems, clips, _ = samples.shape
    return Panel(
        "demo",
        tuple(System(f"m{number:02d}", None, "predictive", ()) for number in range(systems)),
        tuple(f"u{clip:04d}" for clip in range(clips)),
        {},
        "recording" if speakers is None else "speaker",
        np.arange(clips) if speakers is None else speakers,
        {"x": MetricScores(samples, None, ({},) * systems)},
    )


@pytest.fixture(scope="session")
def benchmark_rows() -> Callable[..., list[Row]]:
    """Builds the rows of a small run: the control, a system without counted calls, one pass, and steps."""

    def build(clips: int = 8, seeds: int = 2, dataset: str = "demo") -> list[Row]:
        random = np.random.default_rng(0)
        methods: list[tuple[str, str, int | None, float, int | None, int | None]] = [
            ("noisy", "control", 0, 0.0, None, None),
            ("theirs", "external", None, 0.7, None, None),
            ("ncsnpp_m", "predictive", 1, 0.8, None, None),
        ]
        for steps, seed in product((5, 30), range(seeds)):
            methods.append(("sgmse_m", "generative", 2 * steps, 0.5 + steps / 100, steps, seed))
            methods.append(("storm", "regeneration", 2 * steps + 1, 0.9 + steps / 100, steps, seed))
        return [
            make_row(
                f"p232_{clip:03d}",
                dataset=dataset,
                method=method,
                paradigm=paradigm,
                steps=steps,
                seed=seed,
                nfe=nfe,
                seconds=2.0,
                enhance_seconds=0.1 + 0.05 * (nfe or 0),
                pesq=1.5 + gain + 0.05 * clip + 0.1 * random.normal(),
                lsd=6 - 2 * gain + 0.3 * random.normal(),
            )
            for clip in range(clips)
            for method, paradigm, nfe, gain, steps, seed in methods
        ]

    return build
