"""What the four trained methods share: waveform in, networks on spectrograms, waveform out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.core.errors import UserError
from bench.core.types import Audio
from methods.base import Enhanced, Method
from methods.checkpoints.systems import find
from methods.diffusion.paths import RandnLike
from methods.diffusion.samplers import choose
from methods.weights import System


class SpectralMethod(Method):
    """Peak-normalise, transform, pad, enhance the spectrogram, invert, undo the normalisation, as the StoRM release.

    Args:
        checkpoint: a weights file, ours or StoRM's or SGMSE's; "embedded" for the small networks that come
            with the project; or networks already built.
        weights: "ema" or "raw", of a checkpoint with both; None for the averages where there are any.
        device: "cpu", "cuda", "cuda:1", ...; "auto" takes a GPU where there is one.
    """

    name: str

    def __init__(self, checkpoint: str | System = "embedded", device: str = "auto", weights: str | None = None) -> None:
        self.system = checkpoint if isinstance(checkpoint, System) else find(checkpoint, self.name, weights)
        self.two_stages = {"denoiser", "score"} <= self.system.networks.keys()
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

    def replay_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, randn_like: RandnLike, utterance: str | None
    ) -> Enhanced:
        def fitting(like: Tensor) -> Tensor:
            noise = randn_like(like)
            if (noise.shape, noise.dtype) != (like.shape, like.dtype):
                wanted, got = (f"{x.dtype} {list(x.shape)}" for x in (like, noise))
                raise UserError(f"randn_like must give {wanted} here, it gave {got}")
            return noise.to(like.device)

        return self.enhance_waveform(noisy, steps, fitting)

    @torch.inference_mode()
    def enhance_waveform(self, noisy: Audio, steps: int | None, randn_like: RandnLike) -> Enhanced:
        """Enhance ``[samples]`` at the model's rate, with the noise that ``randn_like`` gives."""
        peak = float(np.abs(noisy).max()) or 1.0
        waveform = torch.from_numpy(noisy / np.float32(peak)).unsqueeze(0).to(self.device)
        spectrogram = self.system.spectrogram.pad(self.system.spectrogram.forward(waveform))
        with count_calls(*self.system.networks.values()) as calls, self._first_stage() as first:
            enhanced = self.enhance_spectrogram(spectrogram, steps, randn_like)

        def audible(spectrogram: Tensor) -> Audio:
            audio = self.system.spectrogram.inverse(spectrogram, noisy.size) * peak
            return np.asarray(audio.squeeze(0).cpu().numpy())

        return Enhanced(audible(enhanced), nfe=calls.total, estimate=audible(first[0]) if first else None)

    @contextmanager
    def _first_stage(self) -> Iterator[list[Tensor]]:
        """What the predictor of a method in two stages gives while the block runs; nothing of other methods."""
        given: list[Tensor] = []
        handles = []
        if self.two_stages:
            denoiser = self.system.networks["denoiser"]
            handles.append(denoiser.register_forward_hook(lambda *call: given.append(call[-1])))
        try:
            yield given
        finally:
            for handle in handles:
                handle.remove()

    def provenance(self) -> dict[str, Any]:
        return {
            "weights_sha256": self.system.sha256,
            "parameters": self.system.parameters,
            "device": str(self.device),
            **{key: value for key, value in self.system.config().items() if key != "training"},
        }


class DiffusionMethod(SpectralMethod):
    """A spectral method with a score network and a sampler.

    Args:
        sampler: "pc" (predictor-corrector) or "ode" (adaptive) for the diffusions, "ode" or "sde" for the
            Schroedinger bridge.
        predictor, corrector, corrector_steps, snr, stepping, times, denoise: see ``PredictorCorrector``.
        rtol, atol, max_calls, stepping, denoise: see ``ProbabilityFlow``.
        t_eps: the last time at which the network is asked; of the weights it is what they were trained to.

    For each, None is what the weights ask for; where they ask for nothing, what the release runs the
    method with. Weights may ask for ``steps`` too, in place of ``default_steps``.

    Attributes:
        release: the release's sampler settings.
        default_steps: N where none is given: the weights', or the release's.
    """

    uses_steps = True
    stochastic = True
    release: ClassVar[dict[str, Any]] = {"predictor": "reverse_diffusion", "corrector": "none"}
    default_steps: int

    def __init__(
        self,
        checkpoint: str | System = "embedded",
        device: str = "auto",
        weights: str | None = None,
        sampler: str | None = None,
        predictor: str | None = None,
        corrector: str | None = None,
        corrector_steps: int | None = None,
        snr: float | None = None,
        stepping: str | None = None,
        times: str | None = None,
        denoise: bool | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        max_calls: int | None = None,
        t_eps: float | None = None,
    ) -> None:
        super().__init__(checkpoint, device, weights)
        options = {
            "sampler": sampler,
            "predictor": predictor,
            "corrector": corrector,
            "corrector_steps": corrector_steps,
            "snr": snr,
            "stepping": stepping,
            "times": times,
            "denoise": denoise,
            "rtol": rtol,
            "atol": atol,
            "max_calls": max_calls,
            "t_eps": t_eps,
        }
        told = {name: value for name, value in options.items() if value is not None}
        defaults = {**self.release, **self.system.sampler}
        self.default_steps = int(defaults.pop("steps", self.default_steps))
        self.sampler = choose(self.system.sde, told, defaults, self.system.t_eps)

    def sample(self, start: Tensor, seen: tuple[Tensor, ...], steps: int | None, randn_like: RandnLike) -> Tensor:
        """The reverse process from ``start``; ``seen`` is what the network sees beside the state."""
        model = ScoreModel(self.system, start, seen)
        estimate = model.clean if self.sampler.asks_for == "clean" else model.score
        return self.sampler.sample(estimate, self.system.sde, start, steps or self.default_steps, randn_like)

    def provenance(self) -> dict[str, Any]:
        sampler = {"name": type(self.sampler).__name__, **asdict(self.sampler)}  # type: ignore[call-overload]
        return {**super().provenance(), "sampler": sampler, "default_steps": self.default_steps}


@dataclass(frozen=True)
class ScoreModel:
    """A score network as a function of (x, t): the start of its process and what it sees are given.

    Attributes:
        start: where the process drifts to, ``[B, 1, F, T]``.
        seen: what the network sees beside the state.
    """

    system: System
    start: Tensor
    seen: tuple[Tensor, ...]

    def output(self, x: Tensor, t: Tensor) -> Tensor:
        """The network's, scaled: what the parametrization says that it predicts."""
        parametrization, sde = self.system.parametrization, self.system.sde
        given = torch.cat((x, *self.seen), dim=1) * parametrization.input_scale(t, sde)
        output = self.system.networks["score"](given, parametrization.time(t, sde))
        return parametrization.prediction(output, x, t, sde)

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        """The score of the perturbed data at x."""
        return self.system.parametrization.score(self.output(x, t), x, t, self.start, self.system.sde)

    def clean(self, x: Tensor, t: Tensor) -> Tensor:
        """The expected clean speech behind x."""
        return self.system.parametrization.clean(self.output(x, t), x, t, self.start, self.system.sde)


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
