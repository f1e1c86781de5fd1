"""The unprocessed recording: the control."""

from __future__ import annotations

import torch

from bench.core.types import Audio
from methods.base import Enhanced, Method


class Noisy(Method):
    """Returns the recording unchanged."""

    paradigm = "control"

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return Enhanced(noisy.copy())
