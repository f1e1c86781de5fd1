"""NCSN++M, the predictive paradigm: one pass of the network maps noisy to clean."""

from __future__ import annotations

from torch import Tensor

from methods.base import METHODS
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram, SpectralMethod


@METHODS.register("ncsnpp_m")
class NCSNppM(SpectralMethod):
    """Predictive NCSN++M: the noise-unconditional network, trained with the mean-square error.

    Lemercier et al. 2023, Sec. IV-B. The network's ``Dense`` layers for the time embedding exist unused,
    as in the released code (the paper's text says they are removed).
    """

    name = "ncsnpp_m"
    paradigm = "predictive"

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        return EnhancedSpectrogram(self.model.networks["denoiser"](noisy))
