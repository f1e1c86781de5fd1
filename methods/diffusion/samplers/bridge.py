"""Samplers of the Schroedinger bridge: from y to clean speech, with the network's prediction at each time.

First-order discretisations that are exact while the prediction is constant: Jukic et al. 2024,
"Schroedinger Bridge for Generative Speech Enhancement", as run by the SGMSE release. The N + 1 times are evenly
spaced from 1 to ``t_eps``; the network is called N times, at each step's earlier time.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from methods.diffusion.paths import SBVE, Path, per_item
from methods.diffusion.samplers.base import Estimate, Sampler, unsuited
from methods.noise import RandnLike


@dataclass(frozen=True)
class _Bridge(Sampler):
    asks_for: ClassVar[str] = "clean"
    paths: ClassVar[type] = SBVE
    trained_t_eps: ClassVar[bool] = False  # a bridge is sampled down to a smaller time, as in the release

    t_eps: float = 1e-4
    eps: float = 1e-8

    @property
    def per_item(self) -> bool:
        return True

    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        if not isinstance(path, SBVE):
            raise unsuited(self, path)
        path = replace(path, eps=self.eps)
        x = path.prior_sampling(y, randn_like)
        times = torch.linspace(1.0, self.t_eps, steps + 1, device=y.device)
        for i in range(1, steps + 1):
            before, now = (time.expand(y.shape[0]) for time in (times[i - 1], times[i]))
            # The network is called at the time after the step, as in the release.
            clean = estimate(x, now)
            x = self.step(path, x, clean, y, before, now, randn_like, last=i == steps)
        return x

    @abstractmethod
    def step(
        self,
        sde: SBVE,
        x: Tensor,
        clean: Tensor,
        y: Tensor,
        before: Tensor,
        now: Tensor,
        randn_like: RandnLike,
        *,
        last: bool,
    ) -> Tensor:
        """x at the time ``now``, earlier than ``before``; both ``[B]``."""


@dataclass(frozen=True)
class BridgeODE(_Bridge):
    """Along the bridge's probability flow; draws no noise.

    Attributes:
        t_eps: the last time.
        eps: keeps the steps' quotients finite. The release's sampler has its own, whatever the SDE was trained with.
    """

    def step(
        self,
        sde: SBVE,
        x: Tensor,
        clean: Tensor,
        y: Tensor,
        before: Tensor,
        now: Tensor,
        randn_like: RandnLike,
        *,
        last: bool,
    ) -> Tensor:
        s_before, s = sde.sigma(before), sde.sigma(now)
        b_before, b = sde.sigma_bar(before), sde.sigma_bar(now)
        # x and y are about 10^4 times too large after the first step and cancel, which amplifies rounding errors.
        share = 1 / (sde.sigma_end(now) ** 2 + sde.eps)
        kept = s * b / (s_before * b_before + sde.eps)
        to_clean = share * (b**2 - b_before * s * b / (s_before + sde.eps))
        to_noisy = share * (s**2 - s_before * s * b / (b_before + sde.eps))
        return per_item(kept) * x + per_item(to_clean) * clean + per_item(to_noisy) * y


@dataclass(frozen=True)
class BridgeSDE(_Bridge):
    """Ancestral sampling; draws one noise tensor per step, of which the last is not used.

    Attributes:
        t_eps: the last time.
        eps: keeps the steps' quotients finite. The release's sampler has its own, whatever the SDE was trained with.
    """

    def step(
        self,
        sde: SBVE,
        x: Tensor,
        clean: Tensor,
        y: Tensor,
        before: Tensor,
        now: Tensor,
        randn_like: RandnLike,
        *,
        last: bool,
    ) -> Tensor:
        s = sde.sigma(now)
        kept = s**2 / (sde.sigma(before) ** 2 + sde.eps)
        z = randn_like(x)
        x = per_item(kept) * x + per_item(1 - kept) * clean
        return x if last else x + per_item(s * torch.sqrt(1 - kept)) * z
