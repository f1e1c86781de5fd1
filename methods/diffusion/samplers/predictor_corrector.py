"""The predictor-corrector sampler: plain functions of a score, an SDE and where to start.

Song et al. 2021, Algorithm 1, as run by the StoRM release: at each time first the corrector,
then the predictor; the noise-free mean of the last predictor step is returned. Noise is drawn in the
order: prior, then for each time the corrector's steps and the predictor's draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.diffusion.paths import SDE, per_item
from methods.diffusion.samplers.base import Estimate, Sampler
from methods.diffusion.samplers.correctors import annealed_langevin, langevin
from methods.noise import RandnLike

PREDICTORS = ("reverse_diffusion", "euler_maruyama", "probability_flow", "ddim", "none")
CORRECTORS = {"ald": annealed_langevin, "langevin": langevin, "none": None}
STEPPINGS = ("uniform", "grid")
TIMES = ("to_t_eps", "to_zero")


@dataclass(frozen=True)
class PredictorCorrector(Sampler):
    """Settings of the predictor-corrector sampler; the defaults are the StoRM release's.

    Attributes:
        predictor: "reverse_diffusion", "euler_maruyama" (the same update for these SDEs),
            "probability_flow" (no noise on the way), "ddim" (the same flow, exact between two times
            for as long as the estimate of the clean speech stays; for few steps) or "none".
        corrector: "ald" (annealed Langevin dynamics), "langevin" or "none".
        corrector_steps: corrector steps at each time.
        snr: the corrector's step-size parameter r.
        stepping: "uniform", every step is 1/N as in the StoRM release, although the times are
            (1 - t_eps)/(N - 1) apart: with few steps the state overshoots; or "grid", the differences
            of the times, at last down to 0, as in SGMSE since 2024-06.
        times: "to_t_eps", N times evenly from 1 to ``t_eps``; or "to_zero", 1, (N-1)/N, ..., 1/N, as the
            StoRM paper has them.
        denoise: whether the last predictor step's noise is left out; the StoRM paper's Algorithm 2 keeps it.
        t_eps: the last time at which the score is asked for.
    """

    asks_for: ClassVar[str] = "score"

    predictor: str = "reverse_diffusion"
    corrector: str = "ald"
    corrector_steps: int = 1
    snr: float = 0.5
    stepping: str = "uniform"
    times: str = "to_t_eps"
    denoise: bool = True
    t_eps: float = 0.03

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("predictor", self.predictor, PREDICTORS),
            ("corrector", self.corrector, CORRECTORS),
            ("stepping", self.stepping, STEPPINGS),
            ("times", self.times, TIMES),
        ):
            if name not in known:
                raise did_you_mean(kind, name, known)
        if self.corrector_steps < 1:
            raise UserError(
                f"corrector_steps must be at least 1, got {self.corrector_steps}; use corrector=none for none"
            )

    def grid(self, steps: int) -> tuple[Tensor, list[float]]:
        """The ``steps`` times, from 1 downwards, and how long the step from each is."""
        times = torch.linspace(1.0, self.t_eps if self.times == "to_t_eps" else 1 / steps, steps)
        if self.stepping == "uniform":
            return times, [1 / steps] * steps
        return times, [float(step) for step in times - torch.cat((times[1:], torch.zeros(1)))]

    def sample(self, estimate: Estimate, sde: SDE, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        x = sde.prior_sampling(y, randn_like)
        mean = x
        correct = CORRECTORS[self.corrector]
        for time, step in zip(*self.grid(steps), strict=True):
            t = time.to(y.device).expand(y.shape[0])
            if correct is not None:
                x, mean = correct(estimate, sde, x, t, self.snr, self.corrector_steps, randn_like)
            if self.predictor == "none":
                mean = x
            elif self.predictor == "probability_flow":
                x = mean = probability_flow_step(estimate, sde, x, t, y, step)
            elif self.predictor == "ddim":
                x = mean = ddim_step(estimate, sde, x, t, y, step)
            else:
                x, mean = reverse_diffusion_step(estimate, sde, x, t, y, step, randn_like)
        return mean if self.denoise else x


def reverse_diffusion_step(
    score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """(x, its noise-free mean) one ``step`` earlier in time: Eq. (10), x - f h + g^2 s h + g sqrt(h) z."""
    mean = reverse_diffusion_mean(score, sde, x, t, y, step)
    return mean + per_item(sde.diffusion(t)) * math.sqrt(step) * randn_like(x), mean


def reverse_diffusion_mean(score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float) -> Tensor:
    """x - f h + g^2 s h."""
    g = per_item(sde.diffusion(t)) * math.sqrt(step)
    return x - sde.drift(x, t, y) * step + g**2 * score(x, t)


def probability_flow_step(score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float) -> Tensor:
    """x one ``step`` earlier along the probability flow, by Euler's method; no noise is drawn."""
    return x - probability_flow(score, sde, x, t, y) * step


def probability_flow(score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
    """dx/dt = f - g^2 s / 2, which has the SDE's marginals: Song et al. 2021, Eq. (13)."""
    return sde.drift(x, t, y) - per_item(sde.diffusion(t)) ** 2 * score(x, t) / 2


def ddim_step(score: Estimate, sde: SDE, x: Tensor, t: Tensor, y: Tensor, step: float) -> Tensor:
    """x one ``step`` earlier along the probability flow of a point mass at the estimated clean speech.

    Tweedie's formula gives the kernel's mean, x + sigma^2 s, and so the estimate x0; the flow towards it
    is known in closed form, x' = mean(t') + (sigma(t') / sigma(t)) (x - mean(t)), which is DDIM (Song et
    al. 2021, "Denoising Diffusion Implicit Models", Eq. (12) without noise) for these SDEs.
    """
    std = per_item(sde.std(t))
    mean = x + std**2 * score(x, t)
    earlier = (t - step).clamp(min=0.0)
    return sde.mean(sde.clean(mean, t, y), earlier, y) + per_item(sde.std(earlier)) / std * (x - mean)
