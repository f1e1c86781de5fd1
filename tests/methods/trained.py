"""What tests of training ask a method for."""

from __future__ import annotations

from torch import Tensor

from methods.base import METHODS
from methods.losses import Losses, Objective, SpectrogramBatch
from methods.spectral import SpectralMethod
from methods.weights import TrainedModel


def losses(model: TrainedModel, objective: Objective, clean: Tensor, noisy: Tensor, t: Tensor, z: Tensor) -> Losses:
    """The loss of ``model``'s method on spectrograms, at given times and with given noise."""
    method = METHODS.create(model.method, checkpoint=model, device="cpu")
    assert isinstance(method, SpectralMethod)
    return method.spectrogram_loss(SpectrogramBatch(clean, noisy, t, z), objective)
