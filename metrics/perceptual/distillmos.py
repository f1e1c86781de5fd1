"""DistillMOS: a prediction, without reference, of the mean opinion score of a listening test, 1 to 5.

Stahl and Gamper, "Distillation and Pruning for Scalable Self-Supervised Representation-Based Speech Quality
Assessment", ICASSP 2025 (Microsoft): a convolutional network and a transformer of 4.1 million parameters, distilled
from a model on XLS-R features. The network is written here; its weights are those inside the package ``distillmos``
(MIT), which ``bench weights get distillmos`` fetches without the package's dependencies.

It listens at 16 kHz, divides by the peak, and averages over segments of 7.68 s at most 1 s apart; what is shorter is
padded with zeros. It rates naturalness: enhanced speech may be rated above the clean reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Clip, Metric, Undefined
from metrics.models import Catalogued, model_file, sha256, with_weights

WEIGHTS = Catalogued("distillmos", "distill_mos_v7.pt", "distillmos==0.9.1", "distillmos/weights/distill_mos_v7.pt")

SEGMENT, HOP = 122_880, 16_000
"""Samples of a segment, and the most between the starts of two."""


class DistillMos(Metric):
    """Overall quality.

    Args:
        weights: the package's ``distill_mos_v7.pt``; None: as ``bench weights get distillmos`` fetched it.

    Raises:
        UserError: the weights are not here, or the file holds something else.
    """

    label = "DistillMOS"
    unit = "MOS"
    aspect = "quality"
    low, high = 1.0, 5.0
    needs_clean = False
    sample_rate = 16000
    full_scale = True

    def __init__(self, weights: str | None = None) -> None:
        how = "name the package's distill_mos_v7.pt, or: bench weights get distillmos"
        self._file = model_file(weights, "distillmos", how) if weights else WEIGHTS.needed()
        self._network = load(self._file)

    def compute(self, clip: Clip) -> float:
        import torch

        if np.ptp(clip.enhanced) == 0:
            raise Undefined("the enhanced speech is constant: there is nothing to hear")
        with torch.inference_mode():
            return float(self._network(torch.from_numpy(segments(clip.enhanced))).mean())

    def settings(self) -> Mapping[str, str]:
        return {"weights": sha256(self._file)}


def segments(speech: Audio) -> NDArray[np.float32]:
    """Evenly spaced segments of ``speech``, from beginning to end, each with peak 1; ``[segments, SEGMENT]``."""
    speech = np.pad(speech, (0, max(0, SEGMENT - speech.size)))
    last = speech.size - SEGMENT
    starts = (np.linspace(0, 1, -(-last // HOP) + 1) * last).astype(int)
    cut = np.stack([speech[start : start + SEGMENT] for start in starts])
    return np.asarray(cut / (np.abs(cut).max(axis=1, keepdims=True) + 1e-8), np.float32)


def load(file: Path) -> Any:
    """The network with the weights in ``file``; segments ``[segments, SEGMENT]`` -> scores ``[segments]``.

    Raises:
        UserError: the file holds something else.
    """
    from metrics.perceptual.distillmos_network import Network

    def state(saved: Any) -> dict[str, Any]:
        return {name.removeprefix("transformer_pool_attn."): value for name, value in saved["model"].items()}

    return with_weights(Network(), file, "distillmos", state)
