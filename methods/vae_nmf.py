"""A variational autoencoder as prior of clean speech, with an NMF model of the noise, by variational EM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.backbones import Backbone, Network
from methods.backbones.vae import FLOOR
from methods.losses import Losses, Objective, SpectrogramBatch
from methods.nmf import FLOOR as NMF_FLOOR
from methods.nmf import NoiseModel
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram, SpectralMethod
from methods.weights import TrainedModel

START = 0.1
"""The noise's mean variance before the first iteration, of the recording's mean power. A start above the speech leaves
nothing that the speech could explain: the latents go to the prior's mean, and the noise keeps what it has taken."""


@dataclass(frozen=True)
class VAESize:
    """Settings of the networks.

    Attributes:
        bins: frequency bins, half of ``n_fft`` and one.
        latent: latent variables of a frame.
        hidden: width of the hidden layers.
    """

    bins: int = 513
    latent: int = 16
    hidden: int = 128


@dataclass(frozen=True)
class Posterior:
    """q(z) = N(mean, exp(log_variance)), each ``[B, T, latent]``."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, z: Tensor) -> Tensor:
        """By reparametrisation of standard Gaussian noise ``z``."""
        return self.mean + torch.exp(0.5 * self.log_variance) * z

    def divergence(self) -> Tensor:
        """KL(q || N(0, 1)) of each item, ``[B]``."""
        terms = self.mean.square() + self.log_variance.exp() - self.log_variance - 1
        return 0.5 * terms.flatten(1).sum(1)


class VAENMF(SpectralMethod):
    """Speech s ~ N(0, g sigma^2(z)) with z ~ N(0, 1) and a neural sigma^2, noise ~ N(0, W H), in each bin of the STFT:
    Leglaive, Girin, Horaud 2018, "A Variance Modeling Framework Based on Variational Autoencoders for Speech
    Enhancement", Eqs. (1)-(6); the variational E-step is that of Leglaive, Alameda-Pineda, Girin, Horaud 2020, "A
    Recurrent Variational Autoencoder for Speech Enhancement", Sec. 4.

    The autoencoder, feed-forward as in the former paper, is trained on clean speech alone: the Itakura-Saito divergence
    of power spectra and the latents' divergence from the prior. For each recording q(z) starts as the encoder's of the
    noisy speech, and the noise 10 dB below the recording; every iteration takes a step of Adam on the evidence's lower
    bound and updates W, H and the frames' gains g by the paper's multiplicative rules. The output is the noisy speech
    through the posterior mean's Wiener filter. No code was followed.

    Adam moves each latent variable by about ``lr`` an iteration: with the 0.01 that suits an encoder they stay
    behind the NMF, which then explains the speech. Where the prior knows speech poorly it does so in the end at any
    rate; hence few iterations and spectra by default.

    Args:
        checkpoint, device, weights, options: see ``TrainedMethod``.
        iterations: of EM; each calls the decoder twice.
        rank: of the noise's NMF.
        lr: of the E-step's Adam.
    """

    name = "vae_nmf"
    paradigm = "generative"
    stochastic = True
    batches = True
    Settings = VAESize

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        iterations: int = 10,
        rank: int = 4,
        lr: float = 0.1,
        **options: Any,
    ) -> None:
        if min(iterations, rank) < 1 or not lr > 0:
            raise UserError(f"iterations and rank must be at least 1, lr above 0; got {iterations}, {rank}, {lr}")
        super().__init__(checkpoint, **options)
        self.iterations, self.rank, self.lr = iterations, rank, lr

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        size = {"bins": settings.bins, "latent": settings.latent, "hidden": settings.hidden}
        return {role: Network(options={"backbone": f"vae_{role}", **size}) for role in ("encoder", "decoder")}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """Minus the evidence's lower bound, by frame; the noisy speech is not looked at."""
        posterior = encoded(self.model.networks["encoder"], batch.clean)
        mean = posterior.mean
        z = torch.randn(mean.shape, generator=batch.generator, device=mean.device)
        power = batch.clean.squeeze(1).abs().square() + FLOOR
        variance = self.model.networks["decoder"](posterior.sample(z))
        frames = power.shape[-1]
        divergence = (power / variance - torch.log(power / variance) - 1).flatten(1).sum(1).mean() / frames
        latent = posterior.divergence().mean() / frames
        return Losses(divergence + latent, {"spectrum": divergence, "latent": latent})

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        start = NoiseModel.drawn(self.rank, randn_like, noisy)
        with torch.inference_mode(False), torch.enable_grad():
            given = noisy.clone()
            found = self._filtered(given, start.scaled(given, START), randn_like)
        return EnhancedSpectrogram(found)

    def _filtered(self, noisy: Tensor, noise: NoiseModel, randn_like: RandnLike) -> Tensor:
        power = noisy[:, 0].abs().square() + FLOOR
        decoder = self.model.networks["decoder"]
        with torch.no_grad():
            first = encoded(self.model.networks["encoder"], noisy)
        posterior = Posterior(first.mean.requires_grad_(), first.log_variance.requires_grad_())
        optimiser = torch.optim.Adam([posterior.mean, posterior.log_variance], lr=self.lr)
        gain = torch.ones(len(power), 1, power.shape[-1], device=power.device)

        def drawn() -> Tensor:
            speech: Tensor = decoder(posterior.sample(randn_like(posterior.mean.detach()[:, None])[:, 0]))
            return speech

        for _ in range(self.iterations):
            optimiser.zero_grad()
            total = gain * drawn() + noise.variance
            bound: Tensor = (torch.log(total) + power / total).sum() + posterior.divergence().sum()
            torch.autograd.backward(bound)
            optimiser.step()
            with torch.no_grad():
                noise, gain = maximised(power, drawn(), noise, gain)
        with torch.no_grad():
            speech = gain * decoder(posterior.mean)
            found: Tensor = noisy * (speech / (speech + noise.variance))[:, None]
        return found

    def provenance(self) -> dict[str, Any]:
        return {**super().provenance(), "iterations": self.iterations, "rank": self.rank, "lr": self.lr}


def encoded(encoder: Backbone, x: Tensor) -> Posterior:
    """The encoder's q(z) for a complex ``[B, 1, F, T]``."""
    mean, log_variance = encoder(x).chunk(2, dim=-1)
    return Posterior(mean.contiguous(), log_variance.clamp(-10, 10).contiguous())


def maximised(power: Tensor, speech: Tensor, noise: NoiseModel, gain: Tensor) -> tuple[NoiseModel, Tensor]:
    """The M-step: W, H and the gains after one multiplicative update of each.

    Args:
        power: of the noisy speech, ``[..., F, T]``.
        speech: the variance of the speech without its gain, likewise.
        gain: ``[..., 1, T]``.
    """

    def moved(up: Tensor, down: Tensor) -> Tensor:
        return (up / down.clamp(min=NMF_FLOOR)).sqrt()

    def ratios(noise: NoiseModel, gain: Tensor) -> tuple[Tensor, Tensor]:
        total = gain * speech + noise.variance
        return power / total.square(), 1 / total

    up, down = ratios(noise, gain)
    noise = replace(noise, H=noise.H * moved(noise.W.mT @ up, noise.W.mT @ down))
    up, down = ratios(noise, gain)
    noise = replace(noise, W=noise.W * moved(up @ noise.H.mT, down @ noise.H.mT)).normalised()
    up, down = ratios(noise, gain)
    return noise, gain * moved((speech * up).sum(-2, keepdim=True), (speech * down).sum(-2, keepdim=True))
