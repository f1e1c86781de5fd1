"""The ODE sampler: the probability flow, integrated with adaptive step size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.diffusion.paths import SDE, Path
from methods.diffusion.samplers.base import Estimate, Sampler, check_start, start_time, unsuited
from methods.diffusion.samplers.predictor_corrector import STEPPINGS
from methods.diffusion.samplers.predictors import probability_flow, reverse_diffusion_mean
from methods.noise import RandnLike


@dataclass(frozen=True)
class ProbabilityFlow(Sampler):
    """Dormand-Prince 4(5) with adaptive steps from ``start`` to ``t_eps``, then one noise-free reverse-diffusion step.

    Song et al. 2021, Sec. 4.3, as the StoRM release runs it (``scipy.integrate.solve_ivp``). The only noise is the
    prior's. The number of network calls depends on the tolerances, not on N; N only sets the length 1/N of the
    last step.

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
        from scipy.integrate import solve_ivp

        if not isinstance(path, SDE):
            raise unsuited(self, path)
        calls = 0

        def state(flat: NDArray[Any]) -> Tensor:
            return torch.from_numpy(flat).reshape(y.shape).to(y.device, y.dtype)

        def at(time: float) -> Tensor:
            return torch.full((y.shape[0],), time, device=y.device)

        def slope(time: float, flat: NDArray[Any]) -> NDArray[Any]:
            flow = probability_flow(estimate, path, state(flat), at(time), y)
            if not flow.isfinite().all():  # otherwise the solver would reduce the step forever
                raise UserError(f"sampler=ode: the score is not finite at t={time:.3g}")
            nonlocal calls
            calls += 1
            if calls > self.max_calls:
                raise UserError(f"sampler=ode: at t={time:.3g} after {self.max_calls} network calls; raise rtol, atol")
            return np.asarray(flow.reshape(-1).cpu().numpy())

        start = start_time(self.start, path)
        prior = path.prior_sampling(y, randn_like, start).reshape(-1).cpu().numpy()
        solution = solve_ivp(slope, (start, self.t_eps), prior, method="RK45", rtol=self.rtol, atol=self.atol)
        if not solution.success:
            raise UserError(f"sampler=ode stopped at t={solution.t[-1]:.3g}: {solution.message} Raise rtol, atol")
        x = state(solution.y[:, -1])
        if not self.denoise:
            return x
        step = 1 / steps if self.stepping == "uniform" else self.t_eps
        return reverse_diffusion_mean(estimate, path, x, at(self.t_eps), y, step)
