"""The ODE sampler: the probability flow, integrated with adaptive step size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.diffusion.paths import SDE, Path
from methods.diffusion.samplers.base import Estimate, Sampler, check_start, start_time, unsuited
from methods.diffusion.samplers.dormand_prince import Stopped, integrate
from methods.diffusion.samplers.predictor_corrector import STEPPINGS
from methods.diffusion.samplers.predictors import probability_flow, reverse_diffusion_mean
from methods.noise import RandnLike


@dataclass(frozen=True)
class ProbabilityFlow(Sampler):
    """Dormand-Prince 4(5) with adaptive steps from ``start`` to ``t_eps``, then one noise-free reverse-diffusion step.

    Song et al. 2021, Sec. 4.3, as the StoRM release runs it. The only noise is the prior's. The number of network calls
    depends on the tolerances, not on N; N only sets the length 1/N of the last step.

    Attributes:
        rtol, atol: the solver's tolerances of its local error.
        stepping: the last step's length: "uniform", 1/N as the release; "grid", ``t_eps``, which ends at 0.
        denoise: whether that last step is taken.
        max_calls: limit of network calls: a non-smooth network makes the steps ever shorter.
        t_eps: the last time at which the score is evaluated.
        start: the time at which the reverse process starts, from the prior there; None: the path's T.
    """

    asks_for: ClassVar[str] = "score"
    paths: ClassVar[type] = SDE
    uses_steps: ClassVar[bool] = False

    rtol: float = 1e-5
    atol: float = 1e-5
    stepping: str = "uniform"
    denoise: bool = True
    max_calls: int = 10000
    t_eps: float = 0.03
    start: float | None = None

    def __post_init__(self) -> None:
        if self.stepping not in STEPPINGS:
            raise did_you_mean("stepping", self.stepping, STEPPINGS)

    def check(self, path: Path) -> None:
        super().check(path)
        check_start(self.start, self.t_eps, path)

    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        if not isinstance(path, SDE):
            raise unsuited(self, path)
        calls = 0

        def slope(time: Tensor, x: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            if calls > self.max_calls:
                raise UserError(f"sampler=ode: not done after {self.max_calls} network calls; raise rtol, atol")
            return probability_flow(estimate, path, x, time.to(torch.float32).expand(y.shape[0]), y)

        start = start_time(self.start, path)
        prior = path.prior_sampling(y, randn_like, start)
        try:
            x = integrate(slope, prior, start, self.t_eps, self.rtol, self.atol)
        except Stopped as error:
            raise UserError(f"sampler=ode: {error.reason} at t={error.time:.3g}; raise rtol, atol") from error
        if not self.denoise:
            return x
        step = 1 / steps if self.stepping == "uniform" else self.t_eps
        last = torch.full((y.shape[0],), self.t_eps, device=y.device)
        return reverse_diffusion_mean(estimate, path, x, last, y, step)
