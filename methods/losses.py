"""Inputs, results and common settings of training losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean

LOSSES = ("mse", "mae", "sisdr", "none")


@dataclass(frozen=True)
class Objective:
    """Common settings of the losses.

    Attributes:
        supervised_loss: of the predictive network: "mse", "mae", "sisdr" (minus the SI-SDR of the waveform; of a
            predictive method only) or "none".
        score_loss: "mse" or "mae".
        score_weighting: of the squared error, by predicted quantity. Score: "sigma^2", or "1" as printed in the StoRM
            paper's Eq. (8); mean ("denoiser" in the SGMSE release): "sigma^2", "1" or "edm"; clean speech
            ("data_prediction"): "1", or "1/FT", the mean over the bins, as in the release; denoised: "edm", "1" or
            "1/FT". The first is the default.
        l1_weight: of the waveforms' mean absolute error, for a network that predicts clean speech; the
            SGMSE release uses 0.001 with "1/FT".
        t_max: the largest time of the training; None: the path's T. For weights that are only run from an earlier start
            (the sampler's ``start``): what lies before it is not learnt.
        supervised_weight: w in w * supervised + (1 - w) * score of the two-stage methods (Eq. (17);
            the paper's alpha = 1 is w = 0.5).
        freeze_denoiser: train only the score network.
    """

    supervised_loss: str = "mse"
    score_loss: str = "mse"
    score_weighting: str = ""
    l1_weight: float = 0.0
    t_max: float | None = None
    supervised_weight: float = 0.5
    freeze_denoiser: bool = False

    def __post_init__(self) -> None:
        for kind, known in (("supervised_loss", LOSSES), ("score_loss", LOSSES[:2])):
            if (value := getattr(self, kind)) not in known:
                raise did_you_mean(kind, value, known)
        if not 0 <= self.supervised_weight <= 1:
            raise UserError(f"supervised_weight: a number from 0 to 1; got {self.supervised_weight}")


@dataclass(frozen=True)
class Batch:
    """The input of a training step.

    Attributes:
        clean, noisy: waveforms, float32 ``[B, samples]``, peak-normalised.
        generator: on the same device, seeded by the run's seed and the step; every random number comes from it.
    """

    clean: Tensor
    noisy: Tensor
    generator: torch.Generator


@dataclass(frozen=True)
class SpectrogramBatch:
    """The input of a training step for a method on spectrograms.

    Attributes:
        clean, noisy: complex ``[B, 1, F, T]``.
        t: diffusion times, uniform in [t_eps, t_max), ``[B]``.
        z: standard complex Gaussian noise, as ``clean``.
        generator: for other random numbers; None if none may be drawn.
    """

    clean: Tensor
    noisy: Tensor
    t: Tensor
    z: Tensor
    generator: torch.Generator | None = None


@dataclass(frozen=True)
class Losses:
    """The result of a method's loss.

    Attributes:
        total: the minimised value.
        parts: its terms, logged as ``train_NAME`` and ``valid_NAME``.
        summed: whether these are sums over the batch, as in the StoRM release's two-stage models, or means.
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    summed: bool = False


def half_norm(error: Tensor, kind: str) -> Tensor:
    """0.5 * sum of |error|^2 ("mse") or of |error| ("mae") over all axes but the batch: ``[B]``."""
    magnitude = error.abs()
    return 0.5 * (magnitude.square() if kind == "mse" else magnitude).flatten(1).sum(1)


def negative_si_sdr(estimate: Tensor, clean: Tensor, eps: float = 1e-10) -> Tensor:
    """Minus the scale-invariant SDR in dB of waveforms ``[B, samples]``, cut to the shorter: ``[B]``.

    Le Roux et al. 2019; ``eps`` as in the StoRM release.
    """
    samples = min(estimate.shape[-1], clean.shape[-1])
    estimate, clean = estimate[:, :samples], clean[:, :samples]
    scale = (estimate * clean).sum(1, keepdim=True) / (clean.square().sum(1, keepdim=True) + eps)
    target = scale * clean
    ratio = target.square().sum(1) / (eps + (target - estimate).square().sum(1))
    return -10 * torch.log10(eps + ratio)


def two_stage(objective: Objective, supervised_error: Tensor, score: Tensor) -> Losses:
    """w * supervised + (1 - w) * score, sums over the batch; only the score term if there is no supervised loss.

    Args:
        supervised_error: of the predictive network's estimate, ``[B, 1, F, T]``.
        score: the score network's loss, ``[B]``.
    """
    score = score.sum()
    if objective.supervised_loss == "none":
        return Losses(score, {"score": score}, summed=True)
    supervised = half_norm(supervised_error, objective.supervised_loss).sum()
    weight = objective.supervised_weight
    total = weight * supervised + (1 - weight) * score
    return Losses(total, {"supervised": supervised, "score": score}, summed=True)


def diffusion_time(uniform: Tensor, t_eps: float, t_max: float = 1.0) -> Tensor:
    """t uniform in [t_eps, t_max) from a uniform draw in [0, 1)."""
    return uniform * (t_max - t_eps) + t_eps
