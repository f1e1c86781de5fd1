"""Predictors: one step back in time.

A predictor is a function (score, sde, x, t, y, step, randn_like) -> (x one ``step`` earlier, its noise-free mean).
"""

from __future__ import annotations

import math

from torch import Tensor

from bench.core.registry import Registry
from methods.diffusion.paths import SDE, per_item
from methods.diffusion.samplers.base import Estimate
from methods.noise import RandnLike

PREDICTORS: Registry[tuple[Tensor, Tensor]] = Registry(
    "predictor",
    "sebench.predictors",
    {
        "reverse_diffusion": f"{__name__}:reverse_diffusion_step",
        "euler_maruyama": f"{__name__}:reverse_diffusion_step",
        "probability_flow": f"{__name__}:probability_flow_step",
        "ddim": f"{__name__}:ddim_step",
        "none": f"{__name__}:no_prediction",
    },
)


def reverse_diffusion_step(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """(x, its noise-free mean) one ``step`` earlier in time: Eq. (10), x - f h + g^2 s h + g sqrt(h) z."""
    mean = reverse_diffusion_mean(score, sde, x, t, y, step)
    return mean + per_item(sde.diffusion(t)) * math.sqrt(step) * randn_like(x), mean


def reverse_diffusion_mean(score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float) -> Tensor:
    """x - f h + g^2 s h."""
    g = per_item(sde.diffusion(t)) * math.sqrt(step)
    return x - sde.drift(x, t, y) * step + g**2 * score(x, t)


def probability_flow_step(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """x one ``step`` earlier along the probability flow, by Euler's method; no noise is drawn."""
    x = x - probability_flow(score, sde, x, t, y) * step
    return x, x


def probability_flow(score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
    """dx/dt = f - g^2 s / 2, which has the SDE's marginals: Song et al. 2021, Eq. (13)."""
    return sde.drift(x, t, y) - per_item(sde.diffusion(t)) ** 2 * score(x, t) / 2


def ddim_step(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """x one ``step`` earlier along the probability flow of a point mass at the estimated clean speech.

    Tweedie's formula gives the kernel's mean, x + sigma^2 s, and so the estimate x0. The flow towards it has the
    closed form x' = mean(t') + (sigma(t') / sigma(t)) (x - mean(t)), which is DDIM (Song et
    al. 2021, "Denoising Diffusion Implicit Models", Eq. (12) without noise) for these SDEs.
    """
    std = per_item(sde.std(t))
    mean = x + std**2 * score(x, t)
    earlier = (t - step).clamp(min=0.0)
    x = sde.mean(sde.clean(mean, t, y), earlier, y) + per_item(sde.std(earlier)) / std * (x - mean)
    return x, x


def no_prediction(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """Return x unchanged, for sampling with a corrector only."""
    return x, x
