"""NCSN++M, the predictive paradigm: one pass of the network maps noisy to clean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from bench.core.errors import UserError
from methods.backbones import Network
from methods.losses import Losses, Objective, SpectrogramBatch, half_norm
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram, SpectralMethod
from methods.trained import NoSettings
from methods.weights import TrainedModel


class NCSNppM(SpectralMethod):
    """Predictive NCSN++M: the noise-unconditional network, trained with the mean-square error.

    Lemercier et al. 2023, Sec. IV-B. The network's ``Dense`` layers for the time embedding exist unused,
    as in the released code (the paper's text says they are removed).
    """

    name = "ncsnpp_m"
    paradigm = "predictive"
    batches = True

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {"denoiser": Network()}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        error = batch.clean - self.model.networks["denoiser"](batch.noisy)
        value = half_norm(error, objective.supervised_loss).mean()
        return Losses(value, {"supervised": value})

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        return EnhancedSpectrogram(self.model.networks["denoiser"](noisy))

    def check_objective(self, objective: Objective) -> None:
        if objective.freeze_denoiser:
            raise UserError(f"objective.freeze_denoiser=true leaves {self.name} nothing to train")
        if objective.supervised_loss == "none":
            raise UserError(f"objective.supervised_loss=none leaves {self.name} nothing to learn from: mse or mae")

    @classmethod
    def adopt(cls, model: TrainedModel) -> TrainedModel | None:
        """The predictive network of a two-stage model can be used alone."""
        if "denoiser" not in model.networks:
            return None
        return replace(
            model,
            method=cls.name,
            sizes={"denoiser": model.sizes["denoiser"]},
            networks={"denoiser": model.networks["denoiser"]},
            settings=NoSettings(),
            sampler={},
        )
