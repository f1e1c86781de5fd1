"""The Brownian bridge with exponential diffusion coefficient, from clean to noisy speech."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.paths.base import SDE, ReadNumber, per_item

TERMS = 60
"""Of the series for the exponential integral; k = 100 needs 50 for double precision."""


@dataclass(frozen=True)
class BBED(SDE):
    """Brownian bridge with exponential diffusion coefficient.

    Lay, Welker, Richter, Gerkmann 2023, "Reducing the Prior Mismatch of Stochastic Differential Equations for
    Diffusion-based Speech Enhancement", Interspeech (BBED).

    dx = (y - x) / (1 - t) dt + g(t) dw,  g(t) = sqrt(theta) k^t

    The mean (1 - t) x0 + t y reaches y at t = 1, so that the reverse process starts where the forward one ends. The
    variance is (1 - t)^2 times the integral of g(s)^2 / (1 - s)^2 from 0 to t. At t = 1 the drift is infinite: the
    process is used up to T.

    Follows the released code: theta is the square of the factor of k^t. The defaults are its README's.

    Attributes:
        k: base of the diffusion coefficient, above 1.
        theta: square of its factor.
        T: the largest time, below 1.
    """

    name: ClassVar[str] = "bbed"
    checkpoint_names: ClassVar[tuple[str, ...]] = ("bbed", "bbve")
    checkpoint_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "k": (1.001, 100),
        "theta": (1e-6, 100),
        "T_sampling": (0.5, 0.9999),
        "sigma_min": (1e-6, 1e3),
        "sigma_max": (1e-6, 1e3),
    }
    checkpoint_sampler: ClassVar[Mapping[str, Any]] = {"start": 0.5, "steps": 15}  # as the README enhances

    k: float = 2.6
    theta: float = 0.51
    T: float = 0.999

    def __post_init__(self) -> None:
        if not (1 < self.k <= 100 and self.theta > 0 and 0 < self.T < 1):
            raise UserError(f"k is from 1 to 100, theta above 0, T below 1; got k={self.k}, {self.theta}, {self.T}")

    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return (y - x) / per_item(1 - t)

    def diffusion(self, t: Tensor) -> Tensor:
        return math.sqrt(self.theta) * self.k**t

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return 1 - t, t

    def std(self, t: Tensor) -> Tensor:
        """In double precision within: near t = 0 the terms cancel.

        (1 - t) theta [k^(2t) - 1 + t + 2 k^2 log(k) (1 - t) (Ei(2 (t - 1) log k) - Ei(-2 log k))] is the variance.
        """
        log, time = math.log(self.k), t.double()
        growth = torch.expm1(2 * log * time) + time
        integral = 2 * self.k**2 * log * (1 - time) * self._exponential_integral(time)
        variance = (1 - time) * self.theta * (growth + integral)
        return variance.clamp(min=0).sqrt().to(t.dtype)

    def _exponential_integral(self, t: Tensor) -> Tensor:
        """Ei(2 (t - 1) log k) - Ei(-2 log k), by Ei(x) = gamma + log|x| + the sum of x^n / (n n!)."""
        now, first = 2 * (t - 1) * math.log(self.k), -2 * math.log(self.k)
        total, power, first_power = torch.log1p(-t), torch.ones_like(t), 1.0
        for n in range(1, TERMS):
            power, first_power = power * now / n, first_power * first / n
            total = total + (power - first_power) / n
        return total

    @classmethod
    def read_checkpoint(cls, sde: str, number: ReadNumber) -> dict[str, float]:
        """The class had another name before, with g(t) = sqrt(theta) sigma_min (sigma_max / sigma_min)^t: "bbve"."""

        def read(key: str, default: float) -> float:
            return number(key, default, *cls.checkpoint_bounds[key])

        known = {"theta": read("theta", 0.52), "T": read("T_sampling", 0.999)}
        if sde == "bbed":
            return {**known, "k": read("k", 2.6)}
        low, high = read("sigma_min", 1.0), read("sigma_max", 2.6)
        return {**known, "theta": known["theta"] * low**2, "k": high / low}
