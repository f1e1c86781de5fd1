"""What the four trained methods share: waveform in, networks on spectrograms, waveform out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.core.errors import UserError
from bench.core.types import Audio
from methods.base import Enhanced, Method
from methods.samplers import PredictorCorrector, Score
from methods.sdes import RandnLike
from methods.spectrogram import pad_frames
from methods.weights import System, find


class SpectralMethod(Method):
    """Peak-normalise, transform, pad, enhance the spectrogram, invert, undo the normalisation, as the StoRM release.

    Args:
        checkpoint: a weights file; "embedded" for the small networks that come with the project; or
            networks already built.
        device: "cpu", "cuda", "cuda:1", ...; "auto" takes a GPU where there is one.
    """

    name: str

    def __init__(self, checkpoint: str | System = "embedded", device: str = "auto") -> None:
        self.system = checkpoint if isinstance(checkpoint, System) else find(checkpoint, self.name)
        self.device = torch.device(_resolve(device))
        for network in self.system.networks.values():
            network.to(self.device).eval()
        self.sample_rate = self.system.spectrogram.sample_rate

    @abstractmethod
    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> Tensor:
        """Complex ``[1, 1, F, T]``, T a multiple of 64 -> the same shape."""

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance: str | None
    ) -> Enhanced:
        def randn_like(like: Tensor) -> Tensor:
            # Drawn on the CPU, so that every device sees the same noise.
            return torch.randn(like.shape, dtype=like.dtype, generator=generator).to(like.device)

        return self.enhance_waveform(noisy, steps, randn_like)

    @torch.inference_mode()
    def enhance_waveform(self, noisy: Audio, steps: int | None, randn_like: RandnLike) -> Enhanced:
        """Enhance ``[samples]`` at the model's rate, with the noise that ``randn_like`` gives."""
        peak = float(np.abs(noisy).max()) or 1.0
        waveform = torch.from_numpy(noisy / np.float32(peak)).unsqueeze(0).to(self.device)
        spectrogram = pad_frames(self.system.spectrogram.forward(waveform))
        with count_calls(*self.system.networks.values()) as calls:
            estimate = self.enhance_spectrogram(spectrogram, steps, randn_like)
        audio = self.system.spectrogram.inverse(estimate, noisy.size) * peak
        return Enhanced(audio.squeeze(0).cpu().numpy(), nfe=calls.total)

    def provenance(self) -> dict[str, Any]:
        return {
            "weights_sha256": self.system.sha256,
            "parameters": self.system.parameters,
            "device": str(self.device),
            **{key: value for key, value in self.system.config().items() if key != "training"},
        }


class DiffusionMethod(SpectralMethod):
    """A spectral method with a score network and a predictor-corrector sampler.

    Args:
        predictor, corrector, corrector_steps, snr, stepping: see ``PredictorCorrector``. None: what the
            weights ask for; where they ask for nothing, what the StoRM release runs the method with
            (but for ``stepping``, which it has "uniform").

    Attributes:
        release: the release's sampler settings.
        default_steps: its N.
    """

    uses_steps = True
    stochastic = True
    release: ClassVar[dict[str, Any]] = {"predictor": "reverse_diffusion", "corrector": "none"}
    default_steps: ClassVar[int]

    def __init__(
        self,
        checkpoint: str | System = "embedded",
        device: str = "auto",
        predictor: str | None = None,
        corrector: str | None = None,
        corrector_steps: int | None = None,
        snr: float | None = None,
        stepping: str | None = None,
    ) -> None:
        super().__init__(checkpoint, device)
        options = {
            "predictor": predictor,
            "corrector": corrector,
            "corrector_steps": corrector_steps,
            "snr": snr,
            "stepping": stepping,
        }
        told = {name: value for name, value in options.items() if value is not None}
        self.sampler = PredictorCorrector(**{**self.release, **self.system.sampler, **told}, t_eps=self.system.t_eps)

    def score(self, start: Tensor, *conditioning: Tensor) -> Score:
        """The score as a function of (x, t), given its start and what the network sees beside the state."""
        return network_score(self.system, start, *conditioning)

    def provenance(self) -> dict[str, Any]:
        return {**super().provenance(), "sampler": asdict(self.sampler), "default_steps": self.default_steps}


def network_score(system: System, start: Tensor, *conditioning: Tensor) -> Score:
    """The score that ``system.parametrization`` reads off network([x, conditioning], t)."""
    network = system.networks["score"]

    def score(x: Tensor, t: Tensor) -> Tensor:
        output = network(torch.cat((x, *conditioning), dim=1), t)
        return system.parametrization.score(output, x, t, start, system.sde)

    return score


def conditioning(condition: str, noisy: Tensor, estimate: Tensor) -> tuple[Tensor, ...]:
    """What a two-stage method's score network sees beside the state (Sec. III-C of the paper)."""
    return {"noisy": (noisy,), "post_denoiser": (estimate,), "both": (noisy, estimate)}[condition]


class Calls:
    """A count of network calls."""

    total: int = 0


@contextmanager
def count_calls(*networks: torch.nn.Module) -> Iterator[Calls]:
    """Count forward passes of ``networks`` (each of batch 1 here) while the block runs."""
    calls = Calls()

    def count(*_: Any) -> None:
        calls.total += 1

    handles = [network.register_forward_pre_hook(count) for network in networks]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _resolve(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device={device}: no CUDA device here; use device=cpu")
    return device
