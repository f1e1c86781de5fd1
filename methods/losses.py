"""What training losses are given, what they give back, and the settings that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean

LOSSES = ("mse", "mae", "none")


@dataclass(frozen=True)
class Objective:
    """Settings that the losses share.

    Attributes:
        supervised_loss: of the predictive network: "mse", "mae" or "none".
        score_loss: "mse" or "mae".
        score_weighting: of the squared error. A network that predicts the score: "sigma^2", or "1" as the
            StoRM paper's Eq. (8) is printed; the mean ("denoiser" of the SGMSE release): "sigma^2", "1"
            or "edm"; clean speech ("data_prediction"): "1", or "1/FT", the mean over the bins, as the
            release. By default the first.
        l1_weight: of the waveforms' mean absolute error, for a network that predicts clean speech; the
            SGMSE release takes 0.001 with "1/FT".
        supervised_weight: w in w * supervised + (1 - w) * score of the two-stage methods (Eq. (17);
            the paper's alpha = 1 is w = 0.5).
        freeze_denoiser: train the score network alone.
    """

    supervised_loss: str = "mse"
    score_loss: str = "mse"
    score_weighting: str = ""
    l1_weight: float = 0.0
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
    """What a training step is given.

    Attributes:
        clean, noisy: waveforms, float32 ``[B, samples]``, divided by a peak.
        generator: on their device, seeded by the run's seed and the step; every random number comes from it.
    """

    clean: Tensor
    noisy: Tensor
    generator: torch.Generator


@dataclass(frozen=True)
class SpectrogramBatch:
    """The same for a method on spectrograms.

    Attributes:
        clean, noisy: complex ``[B, 1, F, T]``.
        t: diffusion times, uniform in [t_eps, 1), ``[B]``.
        z: standard complex Gaussian noise, as ``clean``.
        generator: for what else is drawn; None where nothing may be.
    """

    clean: Tensor
    noisy: Tensor
    t: Tensor
    z: Tensor
    generator: torch.Generator | None = None


@dataclass(frozen=True)
class Losses:
    """What a method's loss gives back.

    Attributes:
        total: what is minimised.
        parts: terms of it, for the log, each called ``train_NAME`` and ``valid_NAME`` there.
        summed: whether they are sums over the batch, as in the StoRM release's two-stage models, else means.
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    summed: bool = False


def half_norm(error: Tensor, kind: str) -> Tensor:
    """0.5 * sum of |error|^2 ("mse") or of |error| ("mae") over everything but the batch: ``[B]``."""
    magnitude = error.abs()
    return 0.5 * (magnitude.square() if kind == "mse" else magnitude).flatten(1).sum(1)


def two_stage(objective: Objective, supervised_error: Tensor, score: Tensor) -> Losses:
    """w * supervised + (1 - w) * score, sums over the batch; the score term alone without a supervised loss.

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


def diffusion_time(uniform: Tensor, t_eps: float) -> Tensor:
    """t uniform in [t_eps, 1) from a uniform draw in [0, 1)."""
    return uniform * (1 - t_eps) + t_eps
