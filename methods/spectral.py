"""Methods on spectrograms: waveform in, a spectrogram enhanced by networks, waveform out."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.core.types import Audio
from methods.base import Enhanced, Method
from methods.checkpoints.systems import find
from methods.counting import count_calls
from methods.devices import resolve
from methods.noise import RandnLike, drawn_from
from methods.weights import TrainedModel


@dataclass(frozen=True)
class EnhancedSpectrogram:
    """What ``SpectralMethod.enhance_spectrogram`` gives back, complex ``[1, 1, F, T]``.

    Attributes:
        speech: the enhanced spectrogram.
        estimate: of a method in two stages, the first one's.
    """

    speech: Tensor
    estimate: Tensor | None = None


class SpectralMethod(Method):
    """Peak-normalise, transform, pad, enhance the spectrogram, invert, undo the normalisation, as the StoRM release.

    Args:
        checkpoint: a weights file, ours or StoRM's or SGMSE's; "embedded" for the small networks that come
            with the project; or networks already built.
        weights: "ema" or "raw", of a checkpoint with both; None for the averages where there are any.
        device: "cpu", "cuda", "cuda:1", ...; "auto" takes a GPU where there is one.
    """

    name: str

    def __init__(
        self, checkpoint: str | TrainedModel = "embedded", device: str = "auto", weights: str | None = None
    ) -> None:
        self.model = checkpoint if isinstance(checkpoint, TrainedModel) else find(checkpoint, self.name, weights)
        self.device = resolve(device)
        for network in self.model.networks.values():
            network.to(self.device).eval()
        self.sample_rate = self.model.spectrogram.sample_rate

    @abstractmethod
    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        """Enhance a complex ``[1, 1, F, T]``, T a multiple of 64.

        Args:
            noisy: of the recording divided by its peak, compressed.
            randn_like: draws all noise.
        """

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return self.enhance_waveform(noisy, steps, drawn_from(generator))

    @torch.inference_mode()
    def enhance_waveform(self, noisy: Audio, steps: int | None, randn_like: RandnLike) -> Enhanced:
        """Enhance ``[samples]`` at the model's rate, with the noise that ``randn_like`` gives."""
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

    def provenance(self) -> dict[str, Any]:
        return {
            "weights_sha256": self.model.sha256,
            "parameters": self.model.parameters,
            "device": str(self.device),
            **{key: value for key, value in self.model.config().items() if key != "training"},
        }
