"""A method's diffusion process of one coefficient, simulated: what Fig. 1 shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from methods.diffusion.paths import SDE, Path, path_from
from results.figures.process import Process

TRAJECTORIES, TIMES = 8, 400
_SIMULATED = 2000
"""Trajectories of the reverse process over which its mean and standard deviation are taken."""


def processes(sde: Mapping[str, Any], t_eps: float, seed: int = 0) -> tuple[Process, Process]:
    """The forward process from a clean value 0 to a noisy value 1, and the reverse process with the true score.

    The forward mean and standard deviation are the path's own. The reverse process is simulated by Euler and Maruyama
    (StoRM, Eq. (2)) from the prior N(1, sigma(1)^2), with the score of the marginal, -(x - mean) / sigma^2.
    """
    path, random = path_from(sde), np.random.default_rng(seed)
    t = _times(0, path.T)
    mean, std = _marginal(path, t)
    back = _times(path.T, t_eps)
    if not isinstance(path, SDE):
        mean_back, std_back = _marginal(path, back)
        none = np.empty((0, TIMES))
        return Process("forward", t, mean, std, none), Process("reverse", back, mean_back, std_back, none)
    forward = _simulate(path, t, np.zeros(TRAJECTORIES), random, reverse=False)
    start = 1 + _marginal(path, back[:1])[1] * random.standard_normal(_SIMULATED)
    reverse = _simulate(path, back, start, random, reverse=True)
    return (
        Process("forward", t, mean, std, forward),
        Process("reverse", back, reverse.mean(axis=0), reverse.std(axis=0), reverse[:TRAJECTORIES]),
    )


Array = NDArray[np.float64]


def _times(first: float, last: float) -> Array:
    return np.linspace(first, last, TIMES, dtype=np.float64)


def _marginal(path: Path, t: Array) -> tuple[Array, Array]:
    times = torch.from_numpy(t)
    clean, noisy = torch.zeros(len(t), 1, 1, 1, dtype=torch.float64), torch.ones(len(t), 1, 1, 1, dtype=torch.float64)
    mean, std = path.marginal_prob(clean, times, noisy)
    return mean.flatten().numpy(), std.flatten().numpy()


def _simulate(path: SDE, t: Array, start: Array, random: np.random.Generator, reverse: bool) -> Array:
    """``[trajectories, times]``."""
    states = [start]
    means, stds = _marginal(path, t)
    for place in range(1, len(t)):
        now, x = float(t[place - 1]), states[-1]
        step = abs(float(t[place]) - now)
        drift, g = _coefficients(path, x, now)
        if reverse:
            score = -(x - means[place - 1]) / max(stds[place - 1] ** 2, 1e-12)
            drift = g**2 * score - drift
        states.append(x + drift * step + g * np.sqrt(step) * random.standard_normal(x.shape))
    return np.stack(states, axis=1)


def _coefficients(path: SDE, x: Array, t: float) -> tuple[Array, float]:
    states = torch.from_numpy(x)[:, None, None, None]
    times = torch.full((len(x),), t, dtype=torch.float64)
    drift = path.drift(states, times, torch.ones_like(states)).flatten().numpy()
    return drift, float(path.diffusion(times).flatten()[0])
