"""Correctors: Langevin steps at a fixed time t, along the score.

A corrector is a function (score, sde, x, t, snr, steps, randn_like) -> (x, its noise-free mean). Both Langevin
correctors iterate ``x <- x + eps s(x, t) + sqrt(2 eps) z``; they differ in eps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.core.errors import UserError
from bench.core.registry import Registry
from methods.diffusion.paths import OUVP, SDE, per_item
from methods.diffusion.samplers.base import Estimate
from methods.noise import RandnLike

CORRECTORS: Registry[tuple[Tensor, Tensor]] = Registry(
    "corrector",
    "sebench.correctors",
    {
        "ald": f"{__name__}:annealed_langevin",
        "langevin": f"{__name__}:langevin",
        "none": f"{__name__}:no_correction",
    },
)


def annealed_langevin(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, snr: float, steps: int, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """eps = 2 (r sigma(t))^2, the ALD line of the StoRM paper's Algorithm 2.

    Raises:
        UserError: for ``OUVP``, whose sigma is not a standard deviation (the release refuses it too).
    """
    if isinstance(sde, OUVP):
        raise UserError("corrector=ald is not defined for the SDE ouvp; use corrector=langevin or none")
    eps = per_item(2 * (snr * sde.std(t)) ** 2)
    mean = x
    for _ in range(steps):
        mean = x + eps * score(x, t)
        x = mean + torch.sqrt(2 * eps) * randn_like(x)
    return x, mean


def langevin(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, snr: float, steps: int, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """eps = 2 (r ||z|| / ||s||)^2, norms averaged over the batch: Song et al. 2021, Algorithm 5."""
    mean = x
    for _ in range(steps):
        direction, z = score(x, t), randn_like(x)
        eps = 2 * (snr * _norm(z) / _norm(direction)) ** 2
        mean = x + eps * direction
        x = mean + torch.sqrt(2 * eps) * z
    return x, mean


def no_correction(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, snr: float, steps: int, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """Return x unchanged."""
    return x, x


def _norm(x: Tensor) -> Tensor:
    return x.flatten(1).abs().square().sum(1).sqrt().mean()
