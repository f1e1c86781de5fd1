"""Ornstein-Uhlenbeck diffusions, which drift towards the noisy speech."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.paths.base import SDE, per_item


@dataclass(frozen=True)
class OUVE(SDE):
    """Ornstein-Uhlenbeck drift towards y, variance exploding.

    Lemercier et al. 2023, Eqs. (4)-(6); gamma there is theta here.

    dx = theta (y - x) dt + g(t) dw,  g(t) = sigma_min (sigma_max / sigma_min)^t sqrt(2 log(sigma_max / sigma_min))
    """

    name: ClassVar[str] = "ouve"
    checkpoint_names: ClassVar[tuple[str, ...]] = ("ouve",)
    checkpoint_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "theta": (1e-6, 100),
        "sigma_min": (1e-6, 1e3),
        "sigma_max": (1e-6, 1e3),
    }

    theta: float = 1.5
    sigma_min: float = 0.05
    sigma_max: float = 0.5

    def __post_init__(self) -> None:
        if not (self.theta > 0 and self.sigma_min > 0):
            raise UserError(f"theta and sigma_min must be above 0; got {self.theta}, {self.sigma_min}")
        if self.sigma_min >= self.sigma_max:
            raise UserError(f"sigma_min must be below sigma_max; got {self.sigma_min}, {self.sigma_max}")

    @property
    def log_ratio(self) -> float:
        """log(sigma_max / sigma_min)."""
        return math.log(self.sigma_max / self.sigma_min)

    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return self.theta * (y - x)

    def diffusion(self, t: Tensor) -> Tensor:
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t * math.sqrt(2 * self.log_ratio)

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        clean = torch.exp(-self.theta * t)
        return clean, 1 - clean

    def std(self, t: Tensor) -> Tensor:
        growth = torch.exp(2 * self.log_ratio * t) - torch.exp(-2 * self.theta * t)
        return self.sigma_min * torch.sqrt(growth * self.log_ratio / (self.theta + self.log_ratio))


@dataclass(frozen=True)
class OUVP(SDE):
    """Ornstein-Uhlenbeck drift towards y, variance preserving, as in the StoRM release; no paper uses it.

    dx = stiffness/2 beta(t) (y - x) dt + sqrt(beta(t)) dw,  beta(t) = beta_min + t (beta_max - beta_min)

    The release uses the kernel's variance as the standard deviation (the square root is missing). So does this class,
    since networks were trained with it.
    """

    name: ClassVar[str] = "ouvp"
    checkpoint_names: ClassVar[tuple[str, ...]] = ("ouvp",)
    checkpoint_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "beta_min": (0, 1e3),
        "beta_max": (0, 1e3),
        "stiffness": (1e-3, 1e3),
    }
    # Annealed Langevin steps need a standard deviation, which this SDE has not; StoRM's script stops there.
    checkpoint_sampler: ClassVar[Mapping[str, Any]] = {"corrector": "none"}

    beta_min: float
    beta_max: float
    stiffness: float = 1.0

    def beta(self, t: Tensor) -> Tensor:
        """beta(t), ``[B]``."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return 0.5 * self.stiffness * per_item(self.beta(t)) * (y - x)

    def diffusion(self, t: Tensor) -> Tensor:
        return torch.sqrt(self.beta(t))

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        clean = torch.exp(-0.5 * self.stiffness * self._integral(t))
        return clean, 1 - clean

    def std(self, t: Tensor) -> Tensor:
        return (1 - torch.exp(-self.stiffness * self._integral(t))) / self.stiffness

    def _integral(self, t: Tensor) -> Tensor:
        """The integral of beta from 0 to t."""
        return t * (t * (self.beta_max - self.beta_min) / 2 + self.beta_min)
