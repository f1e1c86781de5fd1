"""SGMSE+M, the generative paradigm: diffusion from the noisy speech."""

from __future__ import annotations

from torch import Tensor

from methods.base import METHODS
from methods.sdes import RandnLike
from methods.spectral import DiffusionMethod
from methods.weights import System


@METHODS.register("sgmse_m")
class SGMSE(DiffusionMethod):
    """SGMSE+ (Richter et al. 2023) with the NCSN++M network, as in the StoRM paper.

    The defaults follow the StoRM release: reverse diffusion with one annealed Langevin step at each of
    N = 50 times.
    """

    name = "sgmse_m"
    paradigm = "generative"
    default_steps = 50

    def __init__(
        self,
        checkpoint: str | System = "embedded",
        device: str = "auto",
        predictor: str = "reverse_diffusion",
        corrector: str = "ald",
        corrector_steps: int = 1,
        snr: float = 0.5,
        stepping: str | None = None,
    ) -> None:
        super().__init__(checkpoint, device, predictor, corrector, corrector_steps, snr, stepping)

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> Tensor:
        return self.sampler.sample(self.score(noisy), self.system.sde, noisy, steps or self.default_steps, randn_like)
