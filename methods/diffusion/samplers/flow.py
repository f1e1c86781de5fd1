"""Euler's method along a straight path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from methods.diffusion.paths import Path, per_item
from methods.diffusion.samplers.base import Estimate, Sampler, check_start, start_time, unsuited
from methods.noise import RandnLike


@dataclass(frozen=True)
class FlowEuler(Sampler):
    """Euler's method for dx/dt = (x - x0) / t, the velocity of a straight path, as the FlowSE release takes it.

    The N times go evenly from ``start`` to ``t_eps``; the last step goes on to 0, and so ends at the network's estimate
    of x0. The only noise is the prior's, and the network is called once a step. Any parametrization will do, since each
    has an estimate of x0.

    Attributes:
        t_eps: the last time at which the network is called.
        start: the time at which the reverse process starts; None: the path's T.
    """

    asks_for: ClassVar[str] = "clean"
    paths: ClassVar[type] = Path

    t_eps: float = 0.03
    start: float | None = None

    @property
    def per_item(self) -> bool:
        return True

    def check(self, path: Path) -> None:
        super().check(path)
        if not path.straight:
            raise unsuited(self, path)
        check_start(self.start, self.t_eps, path)

    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        self.check(path)
        start = start_time(self.start, path)
        x = path.prior_sampling(y, randn_like, start)
        times = torch.linspace(start, self.t_eps, steps, device=y.device)
        for i, time in enumerate(times):
            t = time.expand(y.shape[0])
            velocity = (x - estimate(x, t)) / per_item(t)
            x = x - velocity * (time - times[i + 1] if i + 1 < steps else time)
        return x
