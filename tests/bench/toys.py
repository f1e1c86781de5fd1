"""Methods and a metric that are fast, and fail where a test wants them to. Import to register."""

from __future__ import annotations

import os
import signal
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
        hang_on: an utterance for which it never ends; deaf: not even when it is interrupted.
    """

    needs_id = True
    paradigm = "generative"

    def __init__(
        self,
        log: str = "",
        seconds: float = 0.0,
        fail_on: str = "",
        abort_on: str = "",
        hang_on: str = "",
        deaf: bool = False,
    ) -> None:
        self.log, self.seconds, self.fail_on, self.abort_on = log, seconds, fail_on, abort_on
        self.hang_on, self.deaf = hang_on, deaf

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
        if utterance_id == self.hang_on:
            hang(self.deaf)
        noise = torch.randn(noisy.size, generator=generator).numpy() / np.float32(100 * (steps or 1))
        return Enhanced(noisy + noise, nfe=steps or 1)


def hang(deaf: bool) -> None:
    """Never return; deaf, as native code is, to the signal that interrupts Python."""
    if deaf:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True:
        time.sleep(0.1)


@METHODS.register("toy_diffusion")
class ToyDiffusion(_Toy):
    """Draws noise and takes steps."""

    uses_steps = True
    stochastic = True


@METHODS.register("toy_predictor")
class ToyPredictor(_Toy):
    """Does neither."""

    paradigm = "predictive"


@METHODS.register("toy_network")
class ToyNetwork(Method):
    """A causal convolution of 64 samples."""

    paradigm = "predictive"

    def __init__(self) -> None:
        self.network = torch.nn.Conv1d(1, 1, 64, bias=False)
        torch.nn.init.constant_(self.network.weight, 1 / 64)

    @torch.inference_mode()
    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        padded = torch.from_numpy(np.pad(noisy, (63, 0)))
        return Enhanced(self.network(padded[None, None])[0, 0].numpy(), nfe=1)


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


@METRICS.register("toy_hazard")
class Hazard(Metric):
    """The number of samples, if it gets that far.

    Args:
        what: "abort" (its process dies) or "hang".
    """

    label = "samples"
    needs_clean = False

    def __init__(self, what: str) -> None:
        self.what = what

    def compute(self, clip: Clip) -> float:
        if self.what == "abort":
            os.abort()
        hang(deaf=False)
        return float(clip.enhanced.size)


@METRICS.register("toy_patient")
class Patient(Metric):
    """The number of enhancements in a method's log, once there are so many."""

    label = "enhancements"
    needs_clean = False

    def __init__(self, log: str, count: int) -> None:
        self.log, self.count = log, count

    def compute(self, clip: Clip) -> float:
        for _ in range(600):
            if (done := len(Path(self.log).read_text().splitlines())) >= self.count:
                return float(done)
            time.sleep(0.1)
        raise TimeoutError("nothing was enhanced while this was scored")
