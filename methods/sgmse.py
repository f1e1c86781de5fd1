"""SGMSE+M, the generative paradigm: diffusion from the noisy speech."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from methods.base import METHODS
from methods.sdes import RandnLike
from methods.spectral import DiffusionMethod


@METHODS.register("sgmse_m")
class SGMSE(DiffusionMethod):
    """SGMSE+ (Richter et al. 2023) with the NCSN++M network, as in the StoRM paper.

    Weights that ask for no other sampler are run as the StoRM release does: reverse diffusion with one
    annealed Langevin step at each of N = 50 times.
    """

    name = "sgmse_m"
    paradigm = "generative"
    default_steps = 50
    release: ClassVar[dict[str, Any]] = {"predictor": "reverse_diffusion", "corrector": "ald"}

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> Tensor:
        return self.sample(noisy, (noisy,), steps, randn_like)
