"""Enhance one recording and measure its time; used by ``bench run`` and ``bench enhance``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import torch

from bench.core.errors import UserError
from bench.core.types import Utterance
from bench.run.timing import Stopwatch
from methods.base import Enhanced, Method

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Timed:
    """Enhanced speech, and the wall-clock seconds it took."""

    enhanced: Enhanced
    seconds: float


class Inference:
    """Runs a method. Before its first recording, a short untimed call warms it up."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self._warm = False

    @property
    def device(self) -> str:
        """The method's device: "cpu", "cuda", ..."""
        return str(getattr(self.method, "device", "cpu"))

    def __call__(self, utterance: Utterance, steps: int | None, generator: torch.Generator) -> Timed:
        """Enhance one recording.

        Raises:
            UserError: the recording cannot be enhanced, or the output differs in length or is not finite.
        """
        if not self._warm:
            _warm_up(self.method, utterance.sample_rate)
            self._warm = True
        with Stopwatch(self.device) as watch:
            enhanced = self.method.enhance(
                utterance.noisy,
                utterance.sample_rate,
                steps,
                generator,
                utterance_id=utterance.id if self.method.needs_id else None,
            )
        if enhanced.audio.shape != utterance.noisy.shape:
            raise UserError(f"the enhanced speech has {enhanced.audio.shape} samples, noisy {utterance.noisy.shape}")
        if not np.isfinite(enhanced.audio).all():
            raise UserError("the enhanced speech holds NaN or infinity")
        return Timed(enhanced, watch.seconds)


def _warm_up(method: Method, sample_rate: int) -> None:
    """One short call, because the first one allocates, loads and tunes. Its failure is ignored."""
    if method.needs_id:
        return
    noise = np.random.default_rng(0).normal(size=int(WARM_UP_SECONDS * sample_rate)).astype(np.float32) * 0.1
    with contextlib.suppress(Exception):
        method.enhance(noise, sample_rate, 1 if method.uses_steps else None, 0)
