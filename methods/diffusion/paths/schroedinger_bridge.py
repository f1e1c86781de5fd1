"""The Schroedinger bridge between clean and noisy speech."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from methods.diffusion.paths.base import Path
from methods.noise import RandnLike


@dataclass(frozen=True)
class SBVE(Path):
    """Schroedinger bridge between x0 and y with a variance-exploding reference process.

    Jukic et al. 2024, "Schroedinger Bridge for Generative Speech Enhancement", Table 1 and Eq. (11): f = 0,
    g(t) = sqrt(c) k^t. The kernel has no variance at t = 1, so sampling starts from y itself.
    ``eps`` keeps quotients finite, as in the SGMSE release.
    """

    name: ClassVar[str] = "sbve"
    samplers: ClassVar[Mapping[str, str]] = {"ode": "bridge_ode", "sde": "bridge_sde"}  # as SGMSE has them
    checkpoint_names: ClassVar[tuple[str, ...]] = ("sbve",)
    checkpoint_predicts: ClassVar[str] = "clean"
    checkpoint_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "k": (1.001, 100),
        "c": (1e-6, 1e3),
        "eps": (0, 1),
    }

    k: float = 2.6
    c: float = 0.4
    eps: float = 1e-8

    def sigma(self, t: Tensor) -> Tensor:
        """sigma_t, the standard deviation that the reference process accumulates from 0 to t: ``[B]``."""
        # log k in t's precision: a sampler's first step divides by sigma_bar(1) = 1e-4 and amplifies rounding errors.
        return torch.sqrt(self.c * (self.k ** (2 * t) - 1) / (2 * self._log_k(t)))

    def sigma_bar(self, t: Tensor) -> Tensor:
        """The same from t to 1: ``[B]``."""
        return torch.sqrt((self.sigma_end(t) ** 2 - self.sigma(t) ** 2).clamp(min=0) + self.eps)

    def diffusion(self, t: Tensor) -> Tensor:
        """g(t) of the reference process, ``[B]``."""
        return math.sqrt(self.c) * self.k**t

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(sigma_bar_t^2, sigma_t^2) / sigma_1^2."""
        whole = self.sigma_end(t) ** 2 + self.eps
        return self.sigma_bar(t) ** 2 / whole, self.sigma(t) ** 2 / whole / (1 + self.eps)

    def std(self, t: Tensor) -> Tensor:
        """sigma_t sigma_bar_t / sigma_1."""
        return self.sigma_bar(t) * self.sigma(t) / (self.sigma_end(t) + self.eps)

    def prior_sampling(self, y: Tensor, randn_like: RandnLike, start: float | None = None) -> Tensor:
        """x_1 = y; nothing is drawn."""
        return y

    def sigma_end(self, t: Tensor) -> Tensor:
        """sigma_1, shaped like ``t``."""
        # Rounded once, as in the release, and not at every step: at t = 1 it may differ from ``sigma`` in the last
        # digit, and this difference determines sigma_bar(1) and so the first step.
        gathered = torch.full_like(t, self.c * (self.k**2 - 1))
        return torch.sqrt(gathered / (2 * self._log_k(t)))

    def _log_k(self, t: Tensor) -> Tensor:
        """log k in t's precision, of a k rounded to float32, computed where t is: nothing is copied to a GPU."""
        return torch.log(torch.full((), self.k, dtype=torch.float32, device=t.device).to(t.dtype))
