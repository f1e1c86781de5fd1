"""What methods with a predictive network before their score network share: whose estimate they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from methods.backbones import Backbone, Network
from methods.conditioning import CONDITIONS, Conditioned
from methods.diffusion.method import DiffusionMethod
from methods.diffusion.samplers import PREDICTORS
from methods.estimate import estimated
from methods.first_stage import FirstStage
from methods.losses import Objective
from methods.predictive import Predictive
from methods.weights import TrainedModel


class TwoStage(DiffusionMethod):
    """A diffusion method that starts from a predictive estimate, by its own network or by another method.

    Args:
        checkpoint: see ``TrainedMethod``.
        predictor: a predictive method whose estimate takes the place of the weights' own predictive network, by its
            name, or a mapping of its ``name`` and its options; as the first release of StoRM does for its Table V. The
            name of a sampler's predictor is taken for that.
        options: of ``DiffusionMethod``.
    """

    two_stages = True
    Settings = Conditioned

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        predictor: str | Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if isinstance(predictor, str) and predictor in PREDICTORS.names():
            options, predictor = {**options, "predictor": predictor}, None
        super().__init__(checkpoint, **options)
        self.predictor = None if predictor is None else FirstStage.of(predictor, str(self.device))

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        return {
            "denoiser": Network(options=settings.predictor or {}),
            "score": Network(inputs=CONDITIONS[settings.condition], timed=True),
        }

    def trained_estimate(self, noisy: Tensor, objective: Objective) -> Tensor:
        """The estimate in a training step: gradients flow into the predictive network, unless it is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not objective.freeze_denoiser):
            return estimated(self.model.networks["denoiser"], self.model.spectrogram, noisy)

    def estimate(self, noisy: Tensor) -> tuple[Tensor, int]:
        """The estimate, complex ``[B, 1, F, T]``, and the network calls that the method's own count misses."""
        transform = self.model.spectrogram
        if self.predictor is None:
            return estimated(self.model.networks["denoiser"], transform, noisy), 0
        if (network := self._shared_network) is not None:
            return estimated(network, transform, noisy), 0
        return self.predictor.estimate(transform, noisy)

    def counted_networks(self) -> list[Backbone]:
        own = super().counted_networks()
        return own if self._shared_network is None else [*own, self._shared_network]

    def provenance(self) -> dict[str, Any]:
        if self.predictor is None:
            return super().provenance()
        return {**super().provenance(), "predictor": self.predictor.provenance()}

    @property
    def _shared_network(self) -> Backbone | None:
        """The predictor's network, where it can be given this method's spectrograms as they are."""
        method = None if self.predictor is None else self.predictor.method
        shares = isinstance(method, Predictive) and method.model.spectrogram == self.model.spectrogram
        return method.model.networks["denoiser"] if shares and isinstance(method, Predictive) else None
