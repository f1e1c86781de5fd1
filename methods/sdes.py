"""Stochastic differential equations that carry clean speech to noisy speech.

Symbols as in the StoRM paper (Lemercier et al. 2023, Sec. II-B): state x, clean x0, noisy y, time t in
(0, 1]; all tensors complex ``[B, C, F, T]``, t ``[B]``. Complex Gaussian noise has unit total variance,
half in each of the real and imaginary part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

RandnLike = Callable[[Tensor], Tensor]
"""Draws standard (complex) Gaussian noise of a tensor's shape; replaced to replay noise."""


def per_item(values: Tensor) -> Tensor:
    """``[B]`` -> ``[B, 1, 1, 1]``."""
    return values[:, None, None, None]


@dataclass(frozen=True)
class OUVE:
    """Ornstein-Uhlenbeck drift towards y, variance exploding (Eqs. (4)-(6); gamma there is theta here).

    dx = theta (y - x) dt + g(t) dw,  g(t) = sigma_min (sigma_max / sigma_min)^t sqrt(2 log(sigma_max / sigma_min))
    """

    theta: float = 1.5
    sigma_min: float = 0.05
    sigma_max: float = 0.5

    @property
    def log_ratio(self) -> float:
        """log(sigma_max / sigma_min)."""
        return math.log(self.sigma_max / self.sigma_min)

    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """f(x, y) = theta (y - x)."""
        return self.theta * (y - x)

    def diffusion(self, t: Tensor) -> Tensor:
        """g(t), ``[B]``."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t * math.sqrt(2 * self.log_ratio)

    def mean(self, x0: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Mean of the perturbation kernel: exp(-theta t) x0 + (1 - exp(-theta t)) y."""
        weight = per_item(torch.exp(-self.theta * t))
        return weight * x0 + (1 - weight) * y

    def std(self, t: Tensor) -> Tensor:
        """Standard deviation sigma(t) of the perturbation kernel, ``[B]``."""
        growth = torch.exp(2 * self.log_ratio * t) - torch.exp(-2 * self.theta * t)
        return self.sigma_min * torch.sqrt(growth * self.log_ratio / (self.theta + self.log_ratio))

    def marginal_prob(self, x0: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(mean, std) of x_t given x0 and y."""
        return self.mean(x0, t, y), self.std(t)

    def prior_sampling(self, y: Tensor, randn_like: RandnLike) -> Tensor:
        """x_1 = y + sigma(1) z: the start of the reverse process."""
        ones = torch.ones(y.shape[0], dtype=torch.float32, device=y.device)
        return y + randn_like(y) * per_item(self.std(ones))
