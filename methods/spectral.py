"""The base class of methods whose networks enhance spectrograms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.core.types import Audio
from methods.backbones import Backbone
from methods.base import Enhanced
from methods.counting import count_calls
from methods.losses import Batch, Losses, Objective, SpectrogramBatch, diffusion_time
from methods.noise import RandnLike, drawn_from
from methods.trained import TrainedMethod


@dataclass(frozen=True)
class EnhancedSpectrogram:
    """The result of ``SpectralMethod.enhance_spectrogram``, complex ``[B, 1, F, T]``.

    Attributes:
        speech: the enhanced spectrogram.
        estimate: the first estimate of a two-stage method.
        calls: network calls beside those of ``counted_networks``, of each item.
    """

    speech: Tensor
    estimate: Tensor | None = None
    calls: int = 0


class SpectralMethod(TrainedMethod):
    """Peak-normalise, transform, pad, enhance the spectrogram, invert, undo the normalisation, as the StoRM release."""

    in_pieces = True

    @abstractmethod
    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        """Enhance a complex ``[B, 1, F, T]``, T a multiple of 64.

        Args:
            noisy: compressed spectrograms of peak-normalised recordings; B is 1 unless the class ``batches``, which
                promises that no item depends on another.
            randn_like: draws all noise.
        """

    def counted_networks(self) -> list[Backbone]:
        """The networks whose calls are counted while it enhances."""
        return list(self.model.networks.values())

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
        t = diffusion_time(uniform, self.model.t_eps, objective.t_max or self.model.sde.T)
        return self.spectrogram_loss(SpectrogramBatch(clean, noisy, t, z, generator), objective)

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return self.enhance_together([noisy], sample_rate, steps, [generator], [utterance_id])[0]

    def padded_length(self, samples: int) -> int:
        """In samples of as many frames as its spectrogram is padded to."""
        return self.model.spectrogram.samples(self.model.spectrogram.padded_frames(samples))

    def enhance_together(
        self,
        noisy: Sequence[Audio],
        sample_rate: int,
        steps: int | None,
        generators: Sequence[torch.Generator],
        utterance_ids: Sequence[str | None],
    ) -> list[Enhanced]:
        return self.enhance_waveforms(noisy, steps, drawn_from(*generators))

    def enhance_waveform(self, noisy: Audio, steps: int | None, randn_like: RandnLike) -> Enhanced:
        """Enhance ``[samples]`` at the model's rate, with noise from ``randn_like``."""
        return self.enhance_waveforms([noisy], steps, randn_like)[0]

    @torch.inference_mode()
    def enhance_waveforms(self, noisy: Sequence[Audio], steps: int | None, randn_like: RandnLike) -> list[Enhanced]:
        """Enhance clips of one ``padded_length``; a network call counts for each, since all are in it."""
        transform = self.model.spectrogram
        peaks = [float(np.abs(clip).max()) or 1.0 for clip in noisy]

        def analysed(clip: Audio, peak: float) -> Tensor:
            waveform = torch.from_numpy(clip / np.float32(peak)).unsqueeze(0).to(self.device)
            return transform.pad(transform.forward(waveform))

        def audible(spectrograms: Tensor) -> list[Audio]:
            waveforms = [
                transform.inverse(spectrograms[i : i + 1], clip.size) * peaks[i] for i, clip in enumerate(noisy)
            ]
            return [np.asarray(waveform.squeeze(0).cpu().numpy()) for waveform in waveforms]

        given = [analysed(clip, peak) for clip, peak in zip(noisy, peaks, strict=True)]
        with self.computing.set(self.device), count_calls(*self.counted_networks()) as calls:
            made = self.enhance_spectrogram(torch.cat(given), steps, randn_like)
        speech = audible(made.speech)
        estimates = [None] * len(noisy) if made.estimate is None else audible(made.estimate)
        return [
            Enhanced(audio, nfe=calls.total + made.calls, estimate=estimate, computing=self.computing.facts())
            for audio, estimate in zip(speech, estimates, strict=True)
        ]
