"""Stochastic differential equations that carry clean speech to noisy speech.

Symbols as in the StoRM paper (Lemercier et al. 2023, Sec. II-B): state x, clean x0, noisy y, time t in
(0, 1]; all tensors complex ``[B, C, F, T]``, t ``[B]``. Complex Gaussian noise has unit total variance,
half in each of the real and imaginary part.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import did_you_mean
from methods.noise import RandnLike


def per_item(values: Tensor) -> Tensor:
    """``[B]`` -> ``[B, 1, 1, 1]``."""
    return values[:, None, None, None]


class SDE(ABC):
    """dx = f(x, t, y) dt + g(t) dw, with a Gaussian perturbation kernel p(x_t | x0, y).

    Attributes:
        name: what configurations and weights files call it.
    """

    name: ClassVar[str]

    @abstractmethod
    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """f(x, t, y), shaped like x."""

    @abstractmethod
    def diffusion(self, t: Tensor) -> Tensor:
        """g(t), ``[B]``."""

    @abstractmethod
    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b), each ``[B]``: the perturbation kernel's mean is a x0 + b y."""

    @abstractmethod
    def std(self, t: Tensor) -> Tensor:
        """Standard deviation sigma(t) of the perturbation kernel, ``[B]``."""

    def mean(self, x0: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Mean of the perturbation kernel, shaped like x0."""
        a, b = self.mean_weights(t)
        return per_item(a) * x0 + per_item(b) * y

    def clean(self, mean: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """The x0 whose kernel has this ``mean``."""
        a, b = self.mean_weights(t)
        return (mean - per_item(b) * y) / per_item(a)

    def marginal_prob(self, x0: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(mean, std) of x_t given x0 and y."""
        return self.mean(x0, t, y), self.std(t)

    def prior_sampling(self, y: Tensor, randn_like: RandnLike) -> Tensor:
        """x_1 = y + sigma(1) z: the start of the reverse process."""
        ones = torch.ones(y.shape[0], dtype=torch.float32, device=y.device)
        return y + randn_like(y) * per_item(self.std(ones))

    def config(self) -> dict[str, Any]:
        """What ``sde_from`` makes an equal one of."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class OUVE(SDE):
    """Ornstein-Uhlenbeck drift towards y, variance exploding (Eqs. (4)-(6); gamma there is theta here).

    dx = theta (y - x) dt + g(t) dw,  g(t) = sigma_min (sigma_max / sigma_min)^t sqrt(2 log(sigma_max / sigma_min))
    """

    name: ClassVar[str] = "ouve"

    theta: float = 1.5
    sigma_min: float = 0.05
    sigma_max: float = 0.5

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

    The release takes for the standard deviation what is the kernel's variance (there is no square
    root); so does this, since networks were trained with it.
    """

    name: ClassVar[str] = "ouvp"

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
        """Of beta from 0 to t."""
        return t * (t * (self.beta_max - self.beta_min) / 2 + self.beta_min)


@dataclass(frozen=True)
class SBVE(SDE):
    """Schroedinger bridge between x0 and y with a variance-exploding reference process.

    Jukic et al. 2024, "Schroedinger Bridge for Generative Speech Enhancement", Table 1 and Eq. (11): f = 0,
    g(t) = sqrt(c) k^t. The kernel has no variance left at t = 1, so sampling starts from y itself.
    ``eps`` keeps quotients finite, as in the SGMSE release.
    """

    name: ClassVar[str] = "sbve"

    k: float = 2.6
    c: float = 0.4
    eps: float = 1e-8

    def sigma(self, t: Tensor) -> Tensor:
        """sigma_t, the standard deviation that the reference process gathers from 0 to t: ``[B]``."""
        # log k in t's precision: a sampler's first step divides by sigma_bar(1) = 1e-4 and magnifies what is rounded.
        return torch.sqrt(self.c * (self.k ** (2 * t) - 1) / (2 * torch.log(torch.tensor(self.k).to(t))))

    def sigma_bar(self, t: Tensor) -> Tensor:
        """The same from t to 1: ``[B]``."""
        return torch.sqrt(self._sigma_end(t) ** 2 - self.sigma(t) ** 2 + self.eps)

    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def diffusion(self, t: Tensor) -> Tensor:
        return math.sqrt(self.c) * self.k**t

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(sigma_bar_t^2, sigma_t^2) / sigma_1^2."""
        whole = self._sigma_end(t) ** 2 + self.eps
        return self.sigma_bar(t) ** 2 / whole, self.sigma(t) ** 2 / whole / (1 + self.eps)

    def std(self, t: Tensor) -> Tensor:
        """sigma_t sigma_bar_t / sigma_1."""
        return self.sigma_bar(t) * self.sigma(t) / (self._sigma_end(t) + self.eps)

    def prior_sampling(self, y: Tensor, randn_like: RandnLike) -> Tensor:
        """x_1 = y; nothing is drawn."""
        return y

    def _sigma_end(self, t: Tensor) -> Tensor:
        return self.sigma(torch.ones_like(t))


SDES: dict[str, type[SDE]] = {sde.name: sde for sde in (OUVE, OUVP, SBVE)}


def sde_from(config: Mapping[str, Any]) -> SDE:
    """The SDE that ``config`` describes: its ``name`` (an OUVE without one) and its parameters.

    Raises:
        UserError: an unknown name or parameter.
    """
    parameters = dict(config)
    name = parameters.pop("name", OUVE.name)
    if name not in SDES:
        raise did_you_mean("sde", name, SDES)
    known = SDES[name].__dataclass_fields__  # type: ignore[attr-defined]
    if unknown := next((key for key in parameters if key not in known), None):
        raise did_you_mean(f"sde {name}: parameter", unknown, known)
    return SDES[name](**parameters)
