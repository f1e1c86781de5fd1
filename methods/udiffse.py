"""UDiffSE: unsupervised enhancement with a diffusion prior of clean speech and an NMF model of the noise, by EM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.backbones import Network
from methods.diffusion.paths import OUVE
from methods.diffusion.score_matching import check_score_objective, score_loss
from methods.diffusion.score_model import ScoreModel
from methods.losses import Losses, Objective, SpectrogramBatch
from methods.nmf import NoiseModel, quiet_level
from methods.noise import RandnLike
from methods.posterior_sampling import DiffPIR, Posterior, PosteriorSampling, Score
from methods.spectral import EnhancedSpectrogram, SpectralMethod
from methods.weights import TrainedModel

FACTOR = 0.15
"""Of the release's transform, in which clean speech of peak 1 has a largest magnitude of about 1."""


SAMPLERS = ("predictor_corrector", "diffpir")
POSTERIORS = ("sample", "wiener")


class UDiffSE(SpectralMethod):
    """Unsupervised diffusion-based speech enhancement: Nortier, Sadeghi, Serizel 2024, "Unsupervised Speech Enhancement
    with Diffusion-based Generative Models", ICASSP.

    The score network is trained on clean speech alone, along dx = -theta x dt + g dw, and knows no noise; train it with
    ``normalise=clean``. For each recording, expectation maximisation alternates between sampling clean speech
    (``methods.posterior_sampling``) and fitting the noise's variance (``methods.nmf.NoiseModel``). The noisy
    spectrogram is brought to a largest magnitude of 1 with the release's factor of 0.15, in proportion with another,
    which is that of the clean speech in training. The output is the mean of the last E-step's samples.

    Follows the released code by default: the first E-step has no likelihood, the corrector's step is half of SGMSE's.
    ``sampler``, ``posterior``, ``start`` and ``quantile`` are not in the paper; few steps and small priors need them.

    Args:
        checkpoint, device, weights, options: see ``TrainedMethod``.
        iterations: of EM. Network calls: twice N for each, N with ``diffpir``.
        samples: that are drawn together in an E-step; a call with all of them counts once.
        rank: of the noise's NMF.
        sampler: of the E-step: "predictor_corrector", the release's (``PosteriorSampling``), or "diffpir"
            (``DiffPIR``).
        snr, likelihood, every, stepping: of the former; ``likelihood`` is its weight.
        posterior: "sample", what the E-step sampled is the speech, as in the release; or "wiener", its power is the
            speech's variance, and the speech is the noisy one through the Wiener filter, as in ``methods.vae_nmf``
            (Leglaive et al. 2018). Strong bins so keep their phase and what a weak prior would take from them, and the
            M-step has the posterior's variance.
        start: the noise's mean variance before the first E-step, of the recording's mean power; that E-step then has a
            likelihood, too. None, as the release: the first samples know nothing of the noisy speech but their start,
            and what such a sample lacks of the speech is noise for the first M-step.
        quantile: instead of ``start``: each bin's noise is first that of this quantile of its power over time
            (``methods.nmf.quiet_level``), the same in all frames.
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
        quantile: float | None = None,
        sampler: str = "predictor_corrector",
        posterior: str = "sample",
        **options: Any,
    ) -> None:
        if min(iterations, samples, rank, every) < 1:
            given = f"{iterations}, {samples}, {rank}, {every}"
            raise UserError(f"iterations, samples, rank and every must be at least 1; got {given}")
        if start is not None and not start > 0:
            raise UserError(f"start must be above 0, got {start}")
        if quantile is not None and (start is not None or not 0 < quantile < 1):
            raise UserError(f"quantile: between 0 and 1, and without start; got {quantile} and start={start}")
        for kind, value, known in (("sampler", sampler, SAMPLERS), ("posterior", posterior, POSTERIORS)):
            if value not in known:
                raise did_you_mean(kind, value, known)
        released = PosteriorSampling(snr=snr, weight=likelihood, every=every, stepping=stepping)
        if sampler != "predictor_corrector" and released != PosteriorSampling():
            raise UserError(f"sampler={sampler} takes no snr, likelihood, every or stepping")
        super().__init__(checkpoint, **options)
        if not isinstance(self.model.sde, OUVE):
            raise UserError(f"{self.name} runs along the SDE ouve, not {self.model.sde.name}")
        self.default_steps = int(self.model.sampler.get("steps", self.default_steps))
        self.iterations, self.samples, self.rank = iterations, samples, rank
        self.start, self.quantile, self.sampler, self.posterior = start, quantile, sampler, posterior
        self.sampling = replace(
            DiffPIR() if sampler == "diffpir" else released, steps=self.default_steps, t_eps=self.model.t_eps
        )

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
        if self.quantile is not None:
            transform = self.model.spectrogram
            power = transform.exponent if transform.transform == "exponent" else 1.0
            noise = noise.stationary(quiet_level(noisy / largest, self.quantile, power))
        path = self.model.sde
        assert isinstance(path, OUVE)

        def draws(like: Tensor) -> Tensor:
            """One draw for each sample: the source has one noise for each recording."""
            return torch.cat([randn_like(noisy) for _ in range(self.samples)])

        speech = expectation_maximisation(
            score,
            path,
            sampling,
            given,
            noise,
            self.iterations,
            draws,
            guided=self.start is not None or self.quantile is not None,
            filtered=self.posterior == "wiener",
        )
        return EnhancedSpectrogram(speech * largest)

    def provenance(self) -> dict[str, Any]:
        em = {"iterations": self.iterations, "samples": self.samples, "rank": self.rank, "start": self.start}
        own = {"quantile": self.quantile, "sampler": self.sampler, "posterior": self.posterior}
        return {**super().provenance(), **em, **own, **self.sampling.provenance()}


def expectation_maximisation(
    score: Score,
    path: OUVE,
    sampling: PosteriorSampling | DiffPIR,
    noisy: Tensor,
    noise: NoiseModel,
    iterations: int,
    randn_like: RandnLike,
    *,
    guided: bool = False,
    filtered: bool = False,
) -> Tensor:
    """The estimates of clean speech, ``[B, 1, F, T]``.

    Args:
        noisy: for each sample all recordings, ``[samples * B, 1, F, T]``.
        noise: of the B recordings.
        guided: whether the first E-step has a likelihood.
        filtered: whether what an E-step with a likelihood samples is the Wiener filter's speech, not the estimate.
    """
    batch = len(noise.W)

    def mean(x: Tensor) -> Tensor:
        """Over the samples."""
        return x.reshape(-1, batch, *x.shape[1:]).mean(0)

    found = Posterior(noisy)
    for iteration in range(iterations):
        variance = noise.variance[:, None].repeat(len(noisy) // batch, 1, 1, 1) if iteration or guided else None
        samples = sampling.sample(score, path, noisy, variance, randn_like)
        if filtered and variance is not None:
            found = Posterior.filtered(samples, noisy, variance)
        else:
            found = Posterior(samples)
        noise = noise.fitted(mean(found.noise_power(noisy)).squeeze(1))
    return mean(found.mean)
