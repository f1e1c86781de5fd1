"""The predictor-corrector sampler.

Song et al. 2021, Algorithm 1, as run by the StoRM release: at each time first the corrector, then the predictor; the
noise-free mean of the last predictor step is returned. The order of the noise is: prior, then for each time that of
the corrector's steps and that of the predictor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.diffusion.paths import SDE, Path
from methods.diffusion.samplers.base import Estimate, Sampler, check_start, start_time, unsuited
from methods.diffusion.samplers.correctors import CORRECTORS
from methods.diffusion.samplers.predictors import PREDICTORS
from methods.noise import RandnLike

STEPPINGS = ("uniform", "grid")
TIMES = ("to_t_eps", "to_zero")


@dataclass(frozen=True)
class PredictorCorrector(Sampler):
    """Settings of the predictor-corrector sampler; the defaults are the StoRM release's.

    Attributes:
        predictor: "reverse_diffusion", "euler_maruyama" (the same update for these SDEs),
            "probability_flow" (no noise), "ddim" (the same flow, exact between two times if the estimate of the
            clean speech is constant; for few steps) or "none".
        corrector: "ald" (annealed Langevin dynamics), "langevin" or "none".
        corrector_steps: corrector steps at each time.
        snr: the corrector's step-size parameter r.
        stepping: "uniform", every step is ``start``/N as in the StoRM release, although the times are
            (1 - t_eps)/(N - 1) apart, so that with few steps the state overshoots; or "grid", the differences of
            the times, the last one down to 0, as in SGMSE since 2024-06.
        times: "to_t_eps", N times evenly from ``start`` to ``t_eps``; or "to_zero", ``start`` times 1, (N-1)/N, ...,
            1/N, as in the StoRM paper.
        start: the time at which the reverse process starts, from the prior there; None: the path's T.
        denoise: whether the last predictor step's noise is left out; the StoRM paper's Algorithm 2 keeps it.
        t_eps: the last time at which the score is evaluated.
    """

    asks_for: ClassVar[str] = "score"
    paths: ClassVar[type] = SDE

    predictor: str = "reverse_diffusion"
    corrector: str = "ald"
    corrector_steps: int = 1
    snr: float = 0.5
    stepping: str = "uniform"
    times: str = "to_t_eps"
    denoise: bool = True
    t_eps: float = 0.03
    start: float | None = None

    def __post_init__(self) -> None:
        PREDICTORS.get(self.predictor)
        CORRECTORS.get(self.corrector)
        for kind, name, known in (("stepping", self.stepping, STEPPINGS), ("times", self.times, TIMES)):
            if name not in known:
                raise did_you_mean(kind, name, known)
        if self.corrector_steps < 1:
            raise UserError(
                f"corrector_steps must be at least 1, got {self.corrector_steps}; use corrector=none for none"
            )

    @property
    def per_item(self) -> bool:
        return self.corrector != "langevin"  # whose step size is the batch's

    def check(self, path: Path) -> None:
        super().check(path)
        check_start(self.start, self.t_eps, path)

    def grid(self, steps: int, start: float = 1.0) -> tuple[Tensor, list[float]]:
        """The ``steps`` times, from ``start`` downwards, and the length of the step from each."""
        times = torch.linspace(start, self.t_eps if self.times == "to_t_eps" else start / steps, steps)
        if self.stepping == "uniform":
            return times, [start / steps] * steps
        lengths: list[float] = (times - torch.cat((times[1:], torch.zeros(1)))).tolist()
        return times, lengths

    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        if not isinstance(path, SDE):
            raise unsuited(self, path)
        predict, correct = PREDICTORS.get(self.predictor), CORRECTORS.get(self.corrector)
        start = start_time(self.start, path)
        x = path.prior_sampling(y, randn_like, start)
        mean = x
        times, lengths = self.grid(steps, start)
        for time, step in zip(times.to(y.device), lengths, strict=True):
            t = time.expand(y.shape[0])
            x, _ = correct(estimate, path, x, t, self.snr, self.corrector_steps, randn_like)
            x, mean = predict(estimate, path, x, t, y, step, randn_like)
        return mean if self.denoise else x
