"""Clean speech given noisy speech and the noise's variance, with a diffusion prior: UDiffSE's E-step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import did_you_mean
from methods.diffusion.paths import OUVE, per_item
from methods.diffusion.samplers.predictor_corrector import STEPPINGS
from methods.noise import RandnLike

Score = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class PosteriorSampling:
    """The release's E-step: samples of clean speech given the noisy spectrogram and the noise's variance.

    Attributes:
        steps: reverse steps N, from t = 1 to ``t_eps``; each calls the network twice.
        snr: the corrector's step-size parameter.
        weight: of the likelihood's gradient, lambda.
        every: the likelihood acts once in so many steps, from the first.
        t_eps: the last time at which the score is evaluated.
        stepping: "uniform", every step is 1/N as in the release, which overshoots at late times where N is small; or
            "grid", the differences of the times, the last one down to 0.
    """

    steps: int = 30
    snr: float = 0.5
    weight: float = 1.5
    every: int = 2
    t_eps: float = 0.03
    stepping: str = "uniform"

    def __post_init__(self) -> None:
        if self.stepping not in STEPPINGS:
            raise did_you_mean("stepping", self.stepping, STEPPINGS)

    def provenance(self) -> dict[str, Any]:
        """The settings under the names of ``methods.udiffse``'s options, but for the number of steps."""
        return {"snr": self.snr, "likelihood": self.weight, "every": self.every, "stepping": self.stepping}

    def grid(self) -> tuple[list[float], list[float]]:
        """The times, from 1 downwards, and the length of the step from each."""
        times = torch.linspace(1.0, self.t_eps, self.steps)
        if self.stepping == "uniform":
            return times.tolist(), [1 / self.steps] * self.steps
        return times.tolist(), (times - torch.cat((times[1:], torch.zeros(1)))).tolist()

    def sample(self, score: Score, path: OUVE, noisy: Tensor, variance: Tensor | None, randn_like: RandnLike) -> Tensor:
        """Samples like ``noisy``, complex ``[samples, 1, F, T]``.

        Args:
            variance: of the noise, real, broadcast to ``noisy``; None leaves the likelihood out.
        """
        ones = torch.ones(len(noisy), device=noisy.device)
        x = noisy + per_item(path.std(ones)) * randn_like(noisy)
        for i, (time, step) in enumerate(zip(*self.grid(), strict=True)):
            t = time * ones
            x = self.correct(score, path, x, t, randn_like)
            x = self.predict(score, path, x, t, step, None if i == self.steps - 1 else randn_like)
            if variance is not None and i % self.every == 0:
                x = x + self.likelihood(path, x, t, step, noisy, variance)
        return x

    def correct(self, score: Score, path: OUVE, x: Tensor, t: Tensor, randn_like: RandnLike) -> Tensor:
        """An annealed Langevin step of half the usual size: x + eps s + sqrt(2 eps) z, eps = (r sigma)^2."""
        eps = per_item((self.snr * path.std(t)) ** 2)
        mean = x + eps * score(x, t)
        return mean + torch.sqrt(2 * eps) * randn_like(x)

    def predict(
        self, score: Score, path: OUVE, x: Tensor, t: Tensor, step: float, randn_like: RandnLike | None
    ) -> Tensor:
        """A reverse step of the unconditional process, which drifts to 0; without noise where there is no source."""
        g = per_item(path.diffusion(t))
        mean = x - path.drift(x, t, torch.zeros_like(x)) * step + g**2 * step * score(x, t)
        return mean if randn_like is None else mean + g * step**0.5 * randn_like(x)

    def likelihood(self, path: OUVE, x: Tensor, t: Tensor, step: float, noisy: Tensor, variance: Tensor) -> Tensor:
        """lambda g^2 h times the gradient of log p(noisy | x), whose mean is x / m and variance (sigma / m)^2 + V."""
        m, sigma = per_item(path.mean_weights(t)[0]), per_item(path.std(t))
        gradient = (noisy - x / m) / ((sigma / m) ** 2 + variance) / m
        return self.weight * per_item(path.diffusion(t)) ** 2 * step * gradient


@dataclass(frozen=True)
class DiffPIR:
    """Zhu et al. 2023, "Denoising Diffusion Models for Plug-and-Play Image Restoration" (DiffPIR), Algorithm 1.

    At each time the network's estimate of the clean speech and the noisy speech are combined by their precisions, which
    cannot overshoot, and the combination gets fresh noise of the next time. The paper's lambda and zeta are 1 here, its
    degradation the identity with noise of a variance for each bin, and the process begins with the noisy speech.

    Attributes:
        steps: N, from t = 1 to ``t_eps``; each calls the network once.
        t_eps: the last time at which the score is evaluated.
    """

    steps: int = 30
    t_eps: float = 0.03

    def provenance(self) -> dict[str, Any]:
        """Nothing can be set but the number of steps."""
        return {}

    def sample(self, score: Score, path: OUVE, noisy: Tensor, variance: Tensor | None, randn_like: RandnLike) -> Tensor:
        """The last combination; arguments and result as of ``PosteriorSampling.sample``."""
        ones = torch.ones(len(noisy), device=noisy.device)
        speech = noisy
        for time in torch.linspace(1.0, self.t_eps, self.steps).tolist():
            t = time * ones
            m, sigma = per_item(path.mean_weights(t)[0]), per_item(path.std(t))
            x = m * speech + sigma * randn_like(noisy)
            speech = (x + sigma**2 * score(x, t)) / m  # Tweedie's formula
            if variance is not None:
                speech = combined(speech, (sigma / m) ** 2, noisy, variance)
        return speech


def combined(speech: Tensor, error: Tensor, noisy: Tensor, variance: Tensor) -> Tensor:
    """The mean of speech of which ``speech`` is an estimate with an ``error`` of that variance, given ``noisy``."""
    return speech + error / (error + variance) * (noisy - speech)


@dataclass(frozen=True)
class Posterior:
    """Of clean speech given noisy speech, Gaussian in each bin.

    Attributes:
        mean: complex ``[samples, 1, F, T]``.
        variance: real, likewise; 0 of a sample.
    """

    mean: Tensor
    variance: Tensor | float = 0.0

    @classmethod
    def filtered(cls, speech: Tensor, noisy: Tensor, variance: Tensor) -> Posterior:
        """By the Wiener filter: of zero-mean speech whose variance is |speech|^2, in noise of ``variance``."""
        share = speech.abs().square() / (speech.abs().square() + variance)
        return cls(share * noisy, share * variance)

    def noise_power(self, noisy: Tensor) -> Tensor:
        """E |noisy - speech|^2."""
        return (noisy - self.mean).abs().square() + self.variance
