"""The base class of methods whose networks enhance spectrograms."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.core.types import Audio
from methods.base import Enhanced
from methods.counting import count_calls
from methods.losses import Batch, Losses, Objective, SpectrogramBatch, diffusion_time
from methods.noise import RandnLike, drawn_from
from methods.trained import TrainedMethod


@dataclass(frozen=True)
class EnhancedSpectrogram:
    """The result of ``SpectralMethod.enhance_spectrogram``, complex ``[1, 1, F, T]``.

    Attributes:
        speech: the enhanced spectrogram.
        estimate: the first estimate of a two-stage method.
    """

    speech: Tensor
    estimate: Tensor | None = None


class SpectralMethod(TrainedMethod):
    """Peak-normalise, transform, pad, enhance the spectrogram, invert, undo the normalisation, as the StoRM release."""

    @abstractmethod
    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        """Enhance a complex ``[1, 1, F, T]``, T a multiple of 64.

        Args:
            noisy: compressed spectrogram of the peak-normalised recording.
            randn_like: draws all noise.
        """

    @abstractmethod
    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """``loss`` for spectrograms."""

    def loss(self, batch: Batch, objective: Objective) -> Losses:
        """``spectrogram_loss`` of the transformed batch, a time and a noise tensor drawn for each item."""
        generator, device = batch.generator, batch.clean.device
        with torch.autocast(device.type, enabled=False):
            clean, noisy = (self.model.spectrogram.forward(signal) for signal in (batch.clean, batch.noisy))
        uniform = torch.rand(len(clean), generator=generator, device=device)
        z = torch.randn(clean.shape, dtype=clean.dtype, generator=generator, device=device)
        t = diffusion_time(uniform, self.model.t_eps)
        return self.spectrogram_loss(SpectrogramBatch(clean, noisy, t, z, generator), objective)

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return self.enhance_waveform(noisy, steps, drawn_from(generator))

    @torch.inference_mode()
    def enhance_waveform(self, noisy: Audio, steps: int | None, randn_like: RandnLike) -> Enhanced:
        """Enhance ``[samples]`` at the model's rate, with noise from ``randn_like``."""
        transform = self.model.spectrogram
        peak = float(np.abs(noisy).max()) or 1.0
        waveform = torch.from_numpy(noisy / np.float32(peak)).unsqueeze(0).to(self.device)
        with count_calls(*self.model.networks.values()) as calls:
            made = self.enhance_spectrogram(transform.pad(transform.forward(waveform)), steps, randn_like)

        def audible(spectrogram: Tensor) -> Audio:
            audio = transform.inverse(spectrogram, noisy.size) * peak
            return np.asarray(audio.squeeze(0).cpu().numpy())

        estimate = None if made.estimate is None else audible(made.estimate)
        return Enhanced(audible(made.speech), nfe=calls.total, estimate=estimate)
