"""SGMSE+M, the generative paradigm: diffusion from the noisy speech."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from methods.backbones import Network
from methods.diffusion.method import DiffusionMethod
from methods.diffusion.score_matching import score_loss
from methods.losses import Losses, Objective, SpectrogramBatch
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram


class SGMSE(DiffusionMethod):
    """SGMSE+ (Richter et al. 2023) with the NCSN++M network, as in the StoRM paper.

    It also runs every network and SDE of the SGMSE release, including the Schroedinger bridge. It follows the
    released code where the papers differ (docs/paper-vs-code.md). By default it samples as the StoRM release does:
    reverse diffusion with one annealed Langevin step at each of N = 50 times, steps of 1/N (SGMSE: N = 30 and
    ``stepping="grid"``). The paper's algorithm is
    ``times="to_zero", stepping="grid", denoise=False``.
    """

    name = "sgmse_m"
    paradigm = "generative"
    batches = True
    default_steps = 50
    release: ClassVar[dict[str, Any]] = {"predictor": "reverse_diffusion", "corrector": "ald"}

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {"score": Network(inputs=2, timed=True)}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        noisy = batch.noisy
        value = score_loss(self.model, objective, batch.clean, noisy, (noisy,), batch.t, batch.z).mean()
        return Losses(value, {"score": value})

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        return EnhancedSpectrogram(self.sample(noisy, (noisy,), steps, randn_like))
