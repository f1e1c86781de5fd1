"""The predictor-corrector sampler: plain functions of a score, an SDE and where to start.

Song et al. 2021, Algorithm 1, as run by the StoRM release: at each time first the corrector,
then the predictor; the noise-free mean of the last predictor step is returned. Noise is drawn in the
order: prior, then for each time the corrector's steps and the predictor's draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.sdes import OUVE, RandnLike, per_item

Score = Callable[[Tensor, Tensor], Tensor]
"""(state x ``[B, C, F, T]``, time t ``[B]``) -> score, shaped like x."""

PREDICTORS = ("reverse_diffusion", "euler_maruyama", "probability_flow", "ddim", "none")
CORRECTORS = ("ald", "none")
STEPPINGS = ("uniform", "grid")


@dataclass(frozen=True)
class PredictorCorrector:
    """Settings of the predictor-corrector sampler.

    Attributes:
        predictor: "reverse_diffusion", "euler_maruyama" (the same update for this SDE),
            "probability_flow" (no noise on the way), "ddim" (the same flow, exact between two times
            for as long as the estimate of the clean speech stays; for few steps) or "none".
        corrector: "ald" (annealed Langevin dynamics) or "none".
        corrector_steps: corrector steps at each time.
        snr: the corrector's step-size parameter r.
        stepping: "grid", the differences of the times, at last down to 0, as in SGMSE since 2024-06; or
            "uniform", every step is 1/N as in the StoRM release, although the times are
            (1 - t_eps)/(N - 1) apart: with few steps the state overshoots.
        t_eps: the last time at which the score is asked for.
    """

    predictor: str = "reverse_diffusion"
    corrector: str = "ald"
    corrector_steps: int = 1
    snr: float = 0.5
    stepping: str = "grid"
    t_eps: float = 0.03

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("predictor", self.predictor, PREDICTORS),
            ("corrector", self.corrector, CORRECTORS),
            ("stepping", self.stepping, STEPPINGS),
        ):
            if name not in known:
                raise did_you_mean(kind, name, known)
        if self.corrector_steps < 1:
            raise UserError(
                f"corrector_steps must be at least 1, got {self.corrector_steps}; use corrector=none for none"
            )

    def sample(self, score: Score, sde: OUVE, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        """Run the reverse process from y + noise down to ``t_eps`` in ``steps`` steps.

        Args:
            score: of the perturbed data; called ``steps * (1 + corrector_steps)`` times with both.
            y: where the process starts and drifts to in forward time, complex ``[B, C, F, T]``.

        Returns:
            The estimate, shaped like ``y``.
        """
        x = sde.prior_sampling(y, randn_like)
        mean = x
        times = torch.linspace(1.0, self.t_eps, steps)
        for i in range(steps):
            t = times[i].to(y.device).expand(y.shape[0])
            if self.stepping == "uniform":
                step = 1 / steps
            else:
                step = float(times[i] - times[i + 1]) if i + 1 < steps else float(times[i])
            if self.corrector == "ald":
                x, mean = self._anneal(score, sde, x, t, randn_like)
            if self.predictor == "none":
                mean = x
            elif self.predictor == "probability_flow":
                x = mean = probability_flow_step(score, sde, x, t, y, step)
            elif self.predictor == "ddim":
                x = mean = ddim_step(score, sde, x, t, y, step)
            else:
                x, mean = reverse_diffusion_step(score, sde, x, t, y, step, randn_like)
        return mean

    def _anneal(self, score: Score, sde: OUVE, x: Tensor, t: Tensor, randn_like: RandnLike) -> tuple[Tensor, Tensor]:
        """Annealed Langevin dynamics at time t: x + eps s + sqrt(2 eps) z with eps = 2 (r sigma(t))^2."""
        eps = per_item(2 * (self.snr * sde.std(t)) ** 2)
        mean = x
        for _ in range(self.corrector_steps):
            mean = x + eps * score(x, t)
            x = mean + torch.sqrt(2 * eps) * randn_like(x)
        return x, mean


def reverse_diffusion_step(
    score: Score, sde: OUVE, x: Tensor, t: Tensor, y: Tensor, step: float, randn_like: RandnLike
) -> tuple[Tensor, Tensor]:
    """(x, its noise-free mean) one ``step`` earlier in time: Eq. (10), x - f h + g^2 s h + g sqrt(h) z."""
    g = per_item(sde.diffusion(t)) * step**0.5
    mean = x - sde.drift(x, t, y) * step + g**2 * score(x, t)
    return mean + g * randn_like(x), mean


def probability_flow_step(score: Score, sde: OUVE, x: Tensor, t: Tensor, y: Tensor, step: float) -> Tensor:
    """x one ``step`` earlier along the ordinary differential equation with the same marginals.

    Song et al. 2021, Eq. (13), by Euler's method: x - (f - g^2 s / 2) h; no noise is drawn.
    """
    return x - (sde.drift(x, t, y) - per_item(sde.diffusion(t)) ** 2 * score(x, t) / 2) * step


def ddim_step(score: Score, sde: OUVE, x: Tensor, t: Tensor, y: Tensor, step: float) -> Tensor:
    """x one ``step`` earlier along the probability flow of a point mass at the estimated clean speech.

    Tweedie's formula gives the estimate, x0 = (x + sigma^2 s - (1 - e^(-theta t)) y) e^(theta t); the
    flow towards it is known in closed form, x' = mean(t') + (sigma(t') / sigma(t)) (x - mean(t)), which
    is DDIM (Song et al. 2021, "Denoising Diffusion Implicit Models", Eq. (12) without noise) for this SDE.
    """
    std = per_item(sde.std(t))
    mean = x + std**2 * score(x, t)
    decay = per_item(torch.exp(-sde.theta * t))
    clean = (mean - (1 - decay) * y) / decay
    earlier = (t - step).clamp(min=0.0)
    return sde.mean(clean, earlier, y) + per_item(sde.std(earlier)) / std * (x - mean)
