"""A spectral gate: bins below a threshold are closed."""

from __future__ import annotations

import torch

from bench.core.types import Audio
from methods.base import Enhanced, Method


class SpectralGate(Method):
    """Closes the bins whose magnitude is below ``threshold`` times the largest."""

    paradigm = "predictive"

    def __init__(self, threshold: float = 0.05) -> None:
        self.threshold = threshold

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        spectrum = torch.fft.rfft(torch.from_numpy(noisy))
        magnitude = spectrum.abs()
        gated = torch.where(magnitude < self.threshold * magnitude.max(), 0, spectrum)
        return Enhanced(torch.fft.irfft(gated, n=noisy.size).numpy())
