"""UDiffSE: unsupervised enhancement with a diffusion prior of clean speech and an NMF model of the noise, by EM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.backbones import Network
from methods.diffusion.paths import OUVE, per_item
from methods.diffusion.samplers.predictor_corrector import STEPPINGS
from methods.diffusion.score_matching import check_score_objective, score_loss
from methods.diffusion.score_model import ScoreModel
from methods.losses import Losses, Objective, SpectrogramBatch
from methods.nmf import NoiseModel
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram, SpectralMethod
from methods.weights import TrainedModel

Score = Callable[[Tensor, Tensor], Tensor]

FACTOR = 0.15
"""Of the release's transform, in which clean speech of peak 1 has a largest magnitude of about 1."""


@dataclass(frozen=True)
class PosteriorSampling:
    """The E-step: samples of clean speech given the noisy spectrogram and the noise's variance.

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


class UDiffSE(SpectralMethod):
    """Unsupervised diffusion-based speech enhancement: Nortier, Sadeghi, Serizel 2024, "Unsupervised Speech Enhancement
    with Diffusion-based Generative Models", ICASSP.

    The score network is trained on clean speech alone, along dx = -theta x dt + g dw, and knows no noise; train it with
    ``normalise=clean``. For each recording, expectation maximisation alternates between sampling clean speech
    (``PosteriorSampling``) and fitting the noise's variance (``methods.nmf.NoiseModel``). The noisy spectrogram is
    brought to a largest magnitude of 1 with the release's factor of 0.15, in proportion with another, which is that of
    the clean speech in training. The output is the mean of the last E-step's samples.

    Follows the released code by default: the first E-step has no likelihood, the corrector's step is half of SGMSE's.

    Args:
        checkpoint, device, weights, options: see ``TrainedMethod``.
        iterations: of EM. Network calls: twice N for each.
        samples: that are drawn together in an E-step; a call with all of them counts once.
        rank: of the noise's NMF.
        snr, likelihood, every, stepping: see ``PosteriorSampling``; ``likelihood`` is its weight.
        start: the noise's mean variance before the first E-step, of the recording's mean power; that E-step then has a
            likelihood, too. None, as the release: the first samples know nothing of the noisy speech but their start,
            and what such a sample lacks of the speech is noise for the first M-step.
    """

    name = "udiffse"
    paradigm = "generative"
    uses_steps = True
    stochastic = True
    batches = True
    default_steps = 30
    warm_starts: ClassVar[Mapping[str, str]] = {"score": "denoiser"}

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        iterations: int = 5,
        samples: int = 2,
        rank: int = 4,
        snr: float = 0.5,
        likelihood: float = 1.5,
        every: int = 2,
        stepping: str = "uniform",
        start: float | None = None,
        **options: Any,
    ) -> None:
        if min(iterations, samples, rank, every) < 1:
            given = f"{iterations}, {samples}, {rank}, {every}"
            raise UserError(f"iterations, samples, rank and every must be at least 1; got {given}")
        if start is not None and not start > 0:
            raise UserError(f"start must be above 0, got {start}")
        super().__init__(checkpoint, **options)
        if not isinstance(self.model.sde, OUVE):
            raise UserError(f"{self.name} runs along the SDE ouve, not {self.model.sde.name}")
        self.default_steps = int(self.model.sampler.get("steps", self.default_steps))
        self.iterations, self.samples, self.rank, self.start = iterations, samples, rank, start
        self.sampling = PosteriorSampling(self.default_steps, snr, likelihood, every, self.model.t_eps, stepping)

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {"score": Network(inputs=1, timed=True)}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """Denoising score matching of clean speech; the noisy speech is not looked at."""
        nothing = torch.zeros_like(batch.clean)
        value = score_loss(self.model, objective, batch.clean, nothing, (), batch.t, batch.z).mean()
        return Losses(value, {"score": value})

    def check_objective(self, objective: Objective) -> None:
        super().check_objective(objective)
        check_score_objective(self.model.parametrization, objective)

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        largest = noisy.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
        largest = largest * (FACTOR / self.model.spectrogram.factor)
        given = (noisy / largest).repeat(self.samples, 1, 1, 1)
        score = ScoreModel(self.model, torch.zeros_like(given), ()).score
        sampling = replace(self.sampling, steps=steps or self.default_steps)
        noise = NoiseModel.drawn(self.rank, randn_like, noisy)
        if self.start is not None:
            noise = noise.scaled(noisy / largest, self.start)
        path = self.model.sde
        assert isinstance(path, OUVE)

        def draws(like: Tensor) -> Tensor:
            """One draw for each sample: the source has one noise for each recording."""
            return torch.cat([randn_like(noisy) for _ in range(self.samples)])

        speech = expectation_maximisation(
            score, path, sampling, given, noise, self.iterations, draws, guided=self.start is not None
        )
        return EnhancedSpectrogram(speech * largest)

    def provenance(self) -> dict[str, Any]:
        em = {"iterations": self.iterations, "samples": self.samples, "rank": self.rank, "start": self.start}
        sampling = {"snr": self.sampling.snr, "likelihood": self.sampling.weight, "every": self.sampling.every}
        return {**super().provenance(), **em, **sampling, "stepping": self.sampling.stepping}


def expectation_maximisation(
    score: Score,
    path: OUVE,
    sampling: PosteriorSampling,
    noisy: Tensor,
    noise: NoiseModel,
    iterations: int,
    randn_like: RandnLike,
    *,
    guided: bool = False,
) -> Tensor:
    """The estimates of clean speech, ``[B, 1, F, T]``.

    Args:
        noisy: for each sample all recordings, ``[samples * B, 1, F, T]``.
        noise: of the B recordings.
        guided: whether the first E-step has a likelihood.
    """
    batch = len(noise.W)

    def mean(x: Tensor) -> Tensor:
        """Over the samples."""
        return x.reshape(-1, batch, *x.shape[1:]).mean(0)

    samples = noisy
    for iteration in range(iterations):
        variance = noise.variance[:, None].repeat(len(noisy) // batch, 1, 1, 1) if iteration or guided else None
        samples = sampling.sample(score, path, noisy, variance, randn_like)
        noise = noise.fitted(mean((noisy - samples).abs().square()).squeeze(1))
    return mean(samples)
