"""The training objectives, as functions of networks, spectrograms and the draws, as in the StoRM release.

All spectrograms are complex ``[B, 1, F, T]``; t is ``[B]`` in (t_eps, 1], z standard complex noise. The
score loss is sigma^2-weighted denoising score matching: with the state mean + sigma z, the score should
be -z / sigma, so sigma * score + z should vanish. For a network that predicts clean speech it is the
error of that prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods.refinement import residue_scale
from methods.sdes import per_item
from methods.spectral import conditioning, network_score
from methods.weights import System

LOSSES = ("mse", "mae", "none")


@dataclass(frozen=True)
class Objective:
    """Settings that the objectives share.

    Attributes:
        supervised_loss: of the predictive network: "mse", "mae" or "none".
        score_loss: "mse" or "mae".
        supervised_weight: w in w * supervised + (1 - w) * score of the two-stage methods (Eq. (17);
            the paper's alpha = 1 is w = 0.5).
        freeze_denoiser: train the score network alone.
    """

    supervised_loss: str = "mse"
    score_loss: str = "mse"
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


def score_matching(
    system: System, clean: Tensor, start: Tensor, seen: tuple[Tensor, ...], t: Tensor, z: Tensor, kind: str
) -> Tensor:
    """Denoising score matching from ``start`` to ``clean``, the network seeing ``seen``: ``[B]``."""
    mean, std = system.sde.marginal_prob(clean, t, start)
    std = per_item(std)
    state = mean + std * z
    if system.parametrization.predicts == "clean":
        return half_norm(clean - system.networks["score"](torch.cat((state, *seen), dim=1), t), kind)
    return half_norm(std * network_score(system, start, *seen)(state, t) + z, kind)


def losses(system: System, objective: Objective, clean: Tensor, noisy: Tensor, t: Tensor, z: Tensor) -> Losses:
    """The loss of ``system``'s method.

    One network: the mean over the batch. Two networks: the sum over the batch, as in the StoRM
    release. Gradients flow from the score term into the predictive network, unless it is frozen.
    """
    if system.method == "ncsnpp_m":
        value = half_norm(clean - system.networks["denoiser"](noisy), objective.supervised_loss).mean()
        return Losses(value, supervised=value)
    if system.method == "sgmse_m":
        value = score_matching(system, clean, noisy, (noisy,), t, z, objective.score_loss).mean()
        return Losses(value, score=value)
    return _two_stage(system, objective, clean, noisy, t, z)


def _two_stage(system: System, objective: Objective, clean: Tensor, noisy: Tensor, t: Tensor, z: Tensor) -> Losses:
    with torch.set_grad_enabled(torch.is_grad_enabled() and not objective.freeze_denoiser):
        estimate = system.networks["denoiser"](noisy)
    target, start = clean, estimate
    if system.method == "refinement":
        scale = residue_scale(noisy, estimate)
        target, start = (clean - estimate) / scale, (noisy - estimate) / scale
    seen = conditioning(system.condition, noisy, estimate)
    score = score_matching(system, target, start, seen, t, z, objective.score_loss).sum()
    if objective.supervised_loss == "none":
        return Losses(score, score=score)
    supervised = half_norm(clean - estimate, objective.supervised_loss).sum()
    weight = objective.supervised_weight
    return Losses(weight * supervised + (1 - weight) * score, supervised=supervised, score=score)
