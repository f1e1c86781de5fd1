"""Rows of a large run that nobody had to compute: fifty per recording, every field as real rows fill it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from bench.core.types import Score
from results.store.rows import Key, Row

ROWS_PER_RECORDING = 50

_VERSIONS = {
    "pesq": "pesq 0.0.4; wb; 16 kHz",
    "estoi": "pystoi 0.4.1; extended",
    "si_sdr": "2",
    "wer": "pocketsphinx 5.0.4; en-us",
}
_SYSTEMS = [
    ("noisy", "control", None, None),
    ("ncsnpp_m", "predictive", None, None),
    *(
        (method, paradigm, steps, seed)
        for (method, paradigm), steps, seed in product(
            (("sgmse_m", "generative"), ("refinement", "refinement"), ("storm", "regeneration")),
            (5, 10, 20, 50),
            range(4),
        )
    ),
]
assert len(_SYSTEMS) == ROWS_PER_RECORDING


def synthetic_rows(count: int, seed: int = 0) -> Iterator[Row]:
    """The first ``count`` rows, recording by recording, as a run stores them. Every hundredth lacks a score."""
    random = np.random.default_rng(seed)
    for number in range(-(-count // ROWS_PER_RECORDING)):
        tags = {
            "speaker": f"p{number % 40:03}",
            "snr": float(number % 20),
            "noise": ("bus", "cafe", "street")[number % 3],
        }
        seconds = round(float(random.uniform(1, 8)), 3)
        words = int(random.integers(3, 20))
        for place, system in enumerate(_SYSTEMS[: count - number * ROWS_PER_RECORDING]):
            method, paradigm, steps, seed_of = system
            gain = 0.1 * place / ROWS_PER_RECORDING
            noise = random.normal(size=3)
            scores = {
                "pesq": Score(2.0 + gain + 0.3 * float(noise[0])),
                "estoi": Score(0.8 + 0.1 * float(noise[1])),
                "si_sdr": Score(12 + 3 * float(noise[2])),
                "wer": Score.rate(int(random.integers(0, words)), words),
            }
            if random.random() < 0.01:
                scores["pesq"] = Score.missing("undefined", "no utterance was detected")
            yield Row(
                Key("large", method, steps, seed_of, f"p{number % 40:03}_{number:06}"),
                paradigm,
                "ok",
                sample_rate=16000,
                seconds=seconds,
                nfe=None if method == "noisy" else 1 if steps is None else 2 * steps,
                enhance_seconds=float(random.uniform(0.1, 2)),
                threads=1,
                scores=scores,
                metric_versions=_VERSIONS,
                tags=tags,
                findings={"enhanced_clipped": float(random.uniform(0, 0.1))} if random.random() < 0.05 else {},
                computing={} if steps is None else {"batch": 8, "timed_on": "a CPU, 1 thread"},
                cost={} if method == "noisy" else {"parameters": 27.8e6, "macs_per_second": 1e11, "rtf": 1.5},
            )
