"""A dataset, a method and a metric that cost nothing; import to register."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from bench.core.types import Audio, Tag, Utterance
from bench.datasets.base import DATASETS, Dataset
from bench.datasets.identity import Identity
from methods.base import METHODS, Enhanced, Method
from metrics.base import METRICS, Clip, Metric

RATE, SAMPLES = 16000, 1600
_SIGNAL: Audio = (0.1 * np.sin(np.arange(SAMPLES) / 10)).astype(np.float32)


@DATASETS.register("free")
class FreeDataset(Dataset):
    """``count`` recordings of a tenth of a second that lie nowhere."""

    def __init__(self, count: int) -> None:
        self.count = count

    @property
    def name(self) -> str:
        return "free"

    def ids(self) -> list[str]:
        return [f"p{number % 40:03}_{number:09}" for number in range(self.count)]

    def load(self, utterance: str) -> Utterance:
        return Utterance(utterance, _SIGNAL, RATE, clean=_SIGNAL, tags=self.tags(utterance))

    def tags(self, utterance: str) -> Mapping[str, Tag]:
        return {"speaker": utterance[:4], "snr": int(utterance[-1]) % 4 * 5}

    def fingerprint(self) -> str:
        return f"free-{self.count}"

    def identity(self) -> Identity:
        return self._identify()  # nothing is left in the user's cache


@METHODS.register("free")
class FreeMethod(Method):
    """Gives the recording back, for any number of steps."""

    paradigm = "generative"
    uses_steps = True
    stochastic = True

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return Enhanced(noisy, nfe=steps or 1)


@METRICS.register("free")
class FreeMetric(Metric):
    """A number that is there already."""

    label = "free"
    needs_clean = False

    def compute(self, clip: Clip) -> float:
        return float(clip.enhanced[7])
