"""The training objectives, as functions of networks, spectrograms and the draws, as in the StoRM release.

All spectrograms are complex ``[B, 1, F, T]``; t is ``[B]`` in (t_eps, 1], z standard complex noise. The
score loss is sigma^2-weighted denoising score matching: with the state mean + sigma z, the score should
be -z / sigma, so sigma * score + z should vanish. For a network that predicts the kernel's mean or clean
speech it is the error of that prediction (Richter et al. 2025, "Investigating training objectives for
generative speech enhancement", Sec. III).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.conditioning import conditioning
from methods.diffusion.paths import per_item
from methods.diffusion.score_model import ScoreModel
from methods.refinement import residue, residue_scale
from methods.weights import TrainedModel

LOSSES = ("mse", "mae", "none")

Weighting = Callable[[Tensor, Tensor, float], Tensor | float]
"""(sigma ``[B, 1, 1, 1]``, clean speech, sigma_data) -> the factor of the error."""

WEIGHTINGS: dict[str, dict[str, Weighting]] = {
    "score": {"sigma^2": lambda sigma, x, data: 1.0, "1": lambda sigma, x, data: 1 / sigma},
    "mean": {
        "1": lambda sigma, x, data: 1.0,
        "sigma^2": lambda sigma, x, data: sigma,
        "edm": lambda sigma, x, data: torch.sqrt(sigma**2 + data**2) / (sigma * data),
    },
    "clean": {"1": lambda sigma, x, data: 1.0, "1/FT": lambda sigma, x, data: (x.shape[-2] * x.shape[-1]) ** -0.5},
}
"""By what the network predicts: the square root of the squared error's weight."""
DEFAULT_WEIGHTING = {"score": "sigma^2", "mean": "sigma^2", "clean": "1"}


@dataclass(frozen=True)
class Objective:
    """Settings that the objectives share.

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


@dataclass(frozen=True)
class Losses:
    """``total`` is what is minimised; the parts are None where a method has no such part."""

    total: Tensor
    supervised: Tensor | None = None
    score: Tensor | None = None


def half_norm(error: Tensor, kind: str) -> Tensor:
    """0.5 * sum of |error|^2 ("mse") or of |error| ("mae") over everything but the batch: ``[B]``."""
    magnitude = error.abs()
    return 0.5 * (magnitude.square() if kind == "mse" else magnitude).flatten(1).sum(1)


def diffusion_time(uniform: Tensor, t_eps: float) -> Tensor:
    """t uniform in [t_eps, 1) from a uniform draw in [0, 1)."""
    return uniform * (1 - t_eps) + t_eps


def score_loss(
    model: TrainedModel,
    objective: Objective,
    clean: Tensor,
    start: Tensor,
    beside: tuple[Tensor, ...],
    t: Tensor,
    z: Tensor,
) -> Tensor:
    """The score network's loss between ``start`` and ``clean``, the network conditioned on ``beside``: ``[B]``."""
    mean, std = model.sde.marginal_prob(clean, t, start)
    std = per_item(std)
    prediction = ScoreModel(model, start, beside).output(mean + std * z, t)
    predicts = model.parametrization.predicts
    weighting = objective.score_weighting or DEFAULT_WEIGHTING[predicts]
    if weighting not in WEIGHTINGS[predicts]:
        raise did_you_mean(
            f"score_weighting of a network that predicts the {predicts}:", weighting, WEIGHTINGS[predicts]
        )
    weight = WEIGHTINGS[predicts][weighting](std, clean, model.parametrization.sigma_data)
    # sigma s + z, and what is left of it for the other predictions: the error of the mean, or of x0.
    error = {"score": std * prediction + z, "mean": prediction - mean, "clean": prediction - clean}[predicts]
    loss = half_norm(weight * error, objective.score_loss)
    if objective.l1_weight:
        loss = loss + objective.l1_weight * waveform_loss(model, prediction, clean)
    return loss


def waveform_loss(model: TrainedModel, prediction: Tensor, clean: Tensor) -> Tensor:
    """Half the mean absolute error of the waveforms, for networks that predict clean speech: ``[B]``."""
    if model.parametrization.predicts != "clean" or model.method == "refinement":
        raise UserError("l1_weight needs a score network that predicts clean speech: parametrization.predicts=clean")
    transform = model.spectrogram
    ours, theirs = (transform.inverse(x, transform.samples(x.shape[-1])) for x in (prediction, clean))
    return 0.5 * (ours - theirs).abs().mean(1)


def losses(model: TrainedModel, objective: Objective, clean: Tensor, noisy: Tensor, t: Tensor, z: Tensor) -> Losses:
    """The loss of ``model``'s method.

    One network: the mean over the batch. Two networks: the sum over the batch, as in the StoRM
    release. Gradients flow from the score term into the predictive network, unless it is frozen.
    """
    if model.method == "ncsnpp_m":
        value = half_norm(clean - model.networks["denoiser"](noisy), objective.supervised_loss).mean()
        return Losses(value, supervised=value)
    if model.method == "sgmse_m":
        value = score_loss(model, objective, clean, noisy, (noisy,), t, z).mean()
        return Losses(value, score=value)
    return _two_stage(model, objective, clean, noisy, t, z)


def _two_stage(model: TrainedModel, objective: Objective, clean: Tensor, noisy: Tensor, t: Tensor, z: Tensor) -> Losses:
    with torch.set_grad_enabled(torch.is_grad_enabled() and not objective.freeze_denoiser):
        estimate = model.networks["denoiser"](noisy)
    target, start = clean, estimate
    if model.method == "refinement":
        left = residue(model, noisy, estimate)
        scale = residue_scale(left)
        target, start = residue(model, clean, estimate) / scale, left / scale
    beside = conditioning(model.condition, noisy, estimate)
    score = score_loss(model, objective, target, start, beside, t, z).sum()
    if objective.supervised_loss == "none":
        return Losses(score, score=score)
    supervised = half_norm(clean - estimate, objective.supervised_loss).sum()
    weight = objective.supervised_weight
    return Losses(weight * supervised + (1 - weight) * score, supervised=supervised, score=score)
