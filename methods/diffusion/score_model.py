"""A score network as a function of state and time, as samplers and losses need it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods.weights import TrainedModel


@dataclass(frozen=True)
class ScoreModel:
    """A score network as a function of (x, t), with fixed start and conditioning.

    Attributes:
        start: the state that the forward process drifts to, ``[B, 1, F, T]``.
        conditioning: the network's inputs besides the state, each ``[B, 1, F, T]``.
    """

    model: TrainedModel
    start: Tensor
    conditioning: tuple[Tensor, ...]

    def output(self, x: Tensor, t: Tensor) -> Tensor:
        """The network's prediction: its scaled output, as defined by the parametrization."""
        parametrization, path = self.model.parametrization, self.model.sde
        given = torch.cat((x, *self.conditioning), dim=1) * parametrization.input_scale(t, path)
        output: Tensor = self.model.networks["score"](given, parametrization.time(t, path))
        return parametrization.prediction(output, x, t, self.start, path)

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        """The score of the perturbed data at x."""
        return self.model.parametrization.score(self.output(x, t), x, t, self.start, self.model.sde)

    def clean(self, x: Tensor, t: Tensor) -> Tensor:
        """The expected clean speech given x."""
        return self.model.parametrization.clean(self.output(x, t), x, t, self.start, self.model.sde)
