"""Predictive methods: one pass of a network maps noisy to clean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from bench.core.errors import UserError
from methods.backbones import Network
from methods.estimate import estimated, estimated_waveform
from methods.losses import Losses, Objective, SpectrogramBatch, half_norm, negative_si_sdr
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram, SpectralMethod
from methods.trained import NoSettings
from methods.weights import TrainedModel


class Predictive(SpectralMethod):
    """A method with one network, ``denoiser``, without a diffusion time."""

    paradigm = "predictive"
    batches = True

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {"denoiser": Network()}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """Half the squared (or absolute) error of the spectrogram, or minus the SI-SDR of the waveform."""
        network, transform = self.model.networks["denoiser"], self.model.spectrogram
        if objective.supervised_loss == "sisdr":
            clean = transform.inverse(batch.clean, transform.samples(batch.clean.shape[-1]))
            value = negative_si_sdr(estimated_waveform(network, transform, batch.noisy), clean).mean()
        else:
            error = batch.clean - estimated(network, transform, batch.noisy)
            value = half_norm(error, objective.supervised_loss).mean()
        return Losses(value, {"supervised": value})

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        return EnhancedSpectrogram(estimated(self.model.networks["denoiser"], self.model.spectrogram, noisy))

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
            settings=cls.settings_of(model.sizes["denoiser"]),
            sampler={},
        )

    @classmethod
    def settings_of(cls, size: Mapping[str, Any]) -> Any:
        """The settings for a network of that ``size``."""
        return NoSettings()


class NCSNppM(Predictive):
    """Predictive NCSN++M: the noise-unconditional network, trained with the mean-square error.

    Lemercier et al. 2023, Sec. IV-B. The network's ``Dense`` layers for the time embedding exist unused,
    as in the released code (the paper's text says they are removed).
    """

    name = "ncsnpp_m"


@dataclass(frozen=True)
class Sized:
    """Settings of a method with a backbone of its own.

    Attributes:
        size: the backbone's options that differ from its defaults; None: none do.
    """

    size: Mapping[str, Any] | None = None


class WithBackbone(Predictive):
    """A predictive method that is called as its backbone is.

    Attributes:
        backbone: its name in the registry.
    """

    Settings = Sized
    backbone: ClassVar[str]

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {"denoiser": Network(options={"backbone": cls.backbone, **(settings.size or {})})}

    @classmethod
    def adopt(cls, model: TrainedModel) -> TrainedModel | None:
        own = model.sizes.get("denoiser", {}).get("backbone") == cls.backbone
        return super().adopt(model) if own else None

    @classmethod
    def settings_of(cls, size: Mapping[str, Any]) -> Sized:
        return Sized({key: value for key, value in size.items() if key not in ("backbone", "inputs", "conditional")})
