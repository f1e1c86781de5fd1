"""Metrics of four recordings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.core.types import Utterance
from metrics.base import METRICS
from tests.reference.golden import Comparison, Golden, reproduces

NAMES = ("pesq", "pesq_nb", "stoi", "estoi", "si_sdr", "si_sir", "si_sar")


@reproduces("metrics/metrics.json", tolerance=1e-6, uses=("metrics/metrics_signals.npz",))
def values(golden: Golden) -> Iterator[Comparison]:
    signals = {key: value.numpy() for key, value in golden.beside("metrics/metrics_signals.npz").arrays().items()}
    metrics = {name: METRICS.create(name) for name in NAMES}
    facts = golden.json()
    for i in range(4):
        clean, noisy, estimate = (signals[f"{kind}{i}"] for kind in ("clean", "noisy", "est"))
        utterance = Utterance(str(i), noisy, 16000, clean)
        ours = {name: metric.score(estimate, utterance).value for name, metric in metrics.items()}
        theirs = facts[f"triple{i}"]
        ratios = np.array([ours[f"si_{name}"] for name in ("sdr", "sir", "sar")], dtype=float)
        yield f"ratios of {i}", ratios, np.array(theirs["storm_energy_ratios"])
        yield f"PESQ of {i}", ours["pesq"], theirs["pesq_wb"]
        yield f"narrow-band PESQ of {i}", ours["pesq_nb"], theirs["pesq_nb"]
        yield f"STOI of {i}", ours["stoi"], theirs["stoi"]
        yield f"ESTOI of {i}", ours["estoi"], theirs["estoi"]
