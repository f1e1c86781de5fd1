"""Methods and a metric that are fast, and fail where a test wants them to. Import to register."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import torch

from bench.core.types import Audio, Score, Utterance
from methods.base import METHODS, Enhanced, Method
from metrics.base import METRICS, Clip, Metric


class _Toy(Method):
    """Adds noise that depends on the generator and the number of steps.

    Args:
        log: a file that gets a line per enhancement.
        seconds: how long each takes.
        fail_on, abort_on: utterances for which it raises, or takes its process down.
    """

    needs_id = True
    paradigm = "generative"

    def __init__(self, log: str = "", seconds: float = 0.0, fail_on: str = "", abort_on: str = "") -> None:
        self.log, self.seconds, self.fail_on, self.abort_on = log, seconds, fail_on, abort_on

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{utterance_id}\n")
        time.sleep(self.seconds)
        if utterance_id == self.fail_on:
            raise ZeroDivisionError("the toy broke")
        if utterance_id == self.abort_on:
            os.abort()
        noise = torch.randn(noisy.size, generator=generator).numpy() / np.float32(100 * (steps or 1))
        return Enhanced(noisy + noise, nfe=steps or 1)


@METHODS.register("toy_diffusion")
class ToyDiffusion(_Toy):
    """Draws noise and takes steps."""

    uses_steps = True
    stochastic = True


@METHODS.register("toy_predictor")
class ToyPredictor(_Toy):
    """Does neither."""

    paradigm = "predictive"


@METHODS.register("toy_two_stages")
class TwoStages(Method):
    """Halves the recording, and halves that again."""

    two_stages = True

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return Enhanced(noisy / 4, estimate=noisy / 2)


@METRICS.register("toy_metric")
class ToyMetric(Metric):
    """The number of samples; or, broken, an error outside what ``score`` catches."""

    label = "samples"
    needs_clean = False

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def compute(self, clip: Clip) -> float:
        return float(clip.enhanced.size)

    def score(self, enhanced: Audio, utterance: Utterance, estimate: Audio | None = None) -> Score:
        if self.broken:
            raise RuntimeError("the toy broke")
        return super().score(enhanced, utterance, estimate)
