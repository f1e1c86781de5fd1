"""SIPS: from the noisy speech along a predictor's estimate, corrected by a prior of clean speech."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.backbones import Network
from methods.first_stage import FirstStage
from methods.losses import Losses, Objective, SpectrogramBatch
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram, SpectralMethod
from methods.weights import TrainedModel

SQRT2 = math.sqrt(2)
"""Complex noise here has unit variance in each of its parts, as the release's real channels have."""


def gamma(t: Tensor, c: float = 0.5) -> Tensor:
    """The interpolant's noise level, c sin^2(pi t)."""
    return c * torch.sin(math.pi * t) ** 2


def gamma_slope(t: Tensor, c: float = 0.5) -> Tensor:
    """d gamma / dt."""
    return c * math.pi * torch.sin(2 * math.pi * t)


@dataclass(frozen=True)
class PriorSize:
    """Settings of the prior's network.

    Attributes:
        size: options of the backbone ``edm2`` that differ from its defaults; None: none do.
    """

    size: Mapping[str, Any] | None = None


class SIPS(SpectralMethod):
    """A stochastic interpolant prior for speech after a predictor (SIPS): Richter, Masuyama, Boeddeker, Edo, Wichern,
    Le Roux 2026, "Predictive-Generative Drift Decomposition for Speech Enhancement and Separation", arXiv:2605.06189.

    The network is a denoiser of clean speech alone: it is given x0 + (a + gamma(t)) z, a = 0.1, gamma(t) = 0.5
    sin^2(pi t), and predicts z; the loss is the mean squared error over exp(u) plus u, with a learnt u(t). Enhancement
    goes by Euler's method from the noisy speech at t = 0 with the velocity (estimate - noisy) + (gamma'(t) - kappa) z;
    with kappa > 0 noise of variance 2 kappa gamma(t) / N is added at each of the N steps.

    Follows the released code; the paper was not at hand. The code drops the zero-frequency bin, which is 0 in the
    output; there the output lacks up to 127 samples and is padded to multiples of 128 frames, here of 64. Train it with
    ``normalise=clean``.

    Args:
        checkpoint, device, weights, options: see ``TrainedMethod``.
        predictor: a predictive method, by its name, or a mapping of its ``name`` and its options.
        kappa: diffusion on the way; 0: none is drawn.
    """

    name = "sips"
    paradigm = "regeneration"
    two_stages = True
    uses_steps = True
    stochastic = True
    batches = True
    Settings = PriorSize
    default_steps = 15

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        predictor: str | Mapping[str, Any] = "ncsnpp_m",
        kappa: float = 0.0,
        **options: Any,
    ) -> None:
        if not kappa >= 0:
            raise UserError(f"kappa: a number from 0; got {kappa}")
        super().__init__(checkpoint, **options)
        self.predictor = FirstStage.of(predictor, str(self.device))
        self.kappa = kappa
        self.stochastic = kappa > 0
        self.default_steps = int(self.model.sampler.get("steps", self.default_steps))

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {"prior": Network(timed=True, options={"backbone": "edm2", **(settings.size or {})})}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """Of clean speech; the noisy speech is not looked at. The time is uniform in [0, 1]."""
        clean = batch.clean[:, :, 1:]
        t = (batch.t - self.model.t_eps) / (self.model.sde.T - self.model.t_eps)
        return prior_loss(self.model, clean, t, SQRT2 * batch.z[:, :, 1:])

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        estimate, calls = self.predictor.estimate(self.model.spectrogram, noisy)
        start, velocity = noisy[:, :, 1:], (estimate - noisy)[:, :, 1:]
        network = self.model.networks["prior"]
        found = interpolate(network, start, velocity, steps or self.default_steps, self.kappa, randn_like)
        return EnhancedSpectrogram(torch.cat((torch.zeros_like(noisy[:, :, :1]), found), dim=2), estimate, calls)

    def provenance(self) -> dict[str, Any]:
        return {**super().provenance(), "predictor": self.predictor.provenance(), "kappa": self.kappa}


def prior_loss(model: TrainedModel, clean: Tensor, t: Tensor, z: Tensor) -> Losses:
    """The denoiser's loss, averaged over the batch; complex ``[B, 1, F, T]``, t ``[B]``, z of unit variance a part."""
    network: Any = model.networks["prior"]
    level = (0.1 + gamma(t))[:, None, None, None]
    error = torch.view_as_real(network(clean + level * z, t) - z).square().flatten(1).mean(1)
    log_variance = network.log_variance(t)
    value = (error / (torch.exp(log_variance) + 1e-8) + log_variance).mean()
    return Losses(value, {"error": error.mean()})


def interpolate(
    network: Any, start: Tensor, velocity: Tensor, steps: int, kappa: float, randn_like: RandnLike
) -> Tensor:
    """Euler's method from ``start`` in N ``steps``, complex ``[B, 1, F, T]``; ``network(x, t)`` predicts the noise."""
    x = start
    for i in range(steps):
        t = torch.full((len(x),), i / steps, device=x.device)
        slope = gamma_slope(t)[:, None, None, None] - kappa
        x = x + (velocity + slope * network(x, t)) / steps
        if kappa:
            spread = torch.sqrt(2 * kappa * gamma(t) / steps)[:, None, None, None]
            x = x + spread * SQRT2 * randn_like(x)
    return x
