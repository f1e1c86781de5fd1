"""Stochastic refinement: predict, then generate the residue that the prediction left."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.base import METHODS
from methods.sdes import RandnLike
from methods.spectral import DiffusionMethod, conditioning


def residue_scale(noisy: Tensor, estimate: Tensor) -> Tensor:
    """c = max over channel, F and T of |y - D(y)|, ``[B, 1, 1, 1]``; 1 where the residue vanishes."""
    scale = (noisy - estimate).abs().amax(dim=(1, 2, 3), keepdim=True)
    return torch.where(scale > 0, scale, torch.ones_like(scale))


@METHODS.register("refinement")
class StochasticRefinement(DiffusionMethod):
    """Diffusion on the residue x - D(y), the baseline of the StoRM paper (Eq. (13); Whang et al. 2022).

    The process runs from (y - D(y))/c to an estimate of (x - D(y))/c, with c the largest magnitude of
    y - D(y) in the clip, as in training. (The first release divides bin by bin at inference instead,
    against its own training.)
    """

    name = "refinement"
    paradigm = "refinement"
    default_steps = 30

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> Tensor:
        estimate: Tensor = self.system.networks["denoiser"](noisy)
        scale = residue_scale(noisy, estimate)
        seen = conditioning(self.system.condition, noisy, estimate)
        residue = self.sample((noisy - estimate) / scale, seen, steps, randn_like)
        return estimate + scale * residue
