"""Encoder and decoder of a variational autoencoder of speech power spectra, frame by frame."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from methods.backbones.base import Backbone

FLOOR = 1e-5
"""Added to powers before their logarithm is taken: about what rounding to 16 bits leaves of a recording of usual level.
Below it, silence of synthetic speech and of recordings would be two things to learn."""

DECADES = 4
"""A unit of the encoder's input: speech of peak 1 then lies between -1.25 and 1, where tanh is not flat."""


class VAEEncoder(Backbone):
    """Complex spectrogram -> mean and log variance of the latent variables.

    Args:
        bins: frequency bins.
        latent: latent variables of a frame.
        hidden: width of the hidden layer.
    """

    stride = 1
    domain: ClassVar[str] = "latent"

    def __init__(
        self, inputs: int = 1, bins: int = 513, latent: int = 16, hidden: int = 128, *, conditional: bool = False
    ) -> None:
        super().__init__()
        self.only_predictive(inputs, conditional)
        self.bins = bins
        self.layers = nn.Sequential(nn.Linear(bins, hidden), nn.Tanh(), nn.Linear(hidden, 2 * latent))

    def misfit(self, bins: int) -> str:
        return f"takes {self.bins}: method.bins" if bins != self.bins else ""

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Complex ``[B, 1, F, T]`` -> real ``[B, T, 2 latent]``, the means first."""
        power = x.squeeze(1).abs().square().transpose(1, 2)
        found: Tensor = self.layers(torch.log10(power + FLOOR) / DECADES)
        return found.float()


class VAEDecoder(Backbone):
    """Latent variables -> the variance of the speech in each bin.

    Args:
        bins, latent, hidden: as of ``VAEEncoder``.
    """

    stride = 1
    domain: ClassVar[str] = "latent"

    def __init__(
        self, inputs: int = 1, bins: int = 513, latent: int = 16, hidden: int = 128, *, conditional: bool = False
    ) -> None:
        super().__init__()
        self.only_predictive(inputs, conditional)
        self.layers = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, bins))

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Real ``[B, T, latent]`` -> variance, real ``[B, F, T]``."""
        found: Tensor = self.layers(x)
        return found.float().clamp(-30, 30).exp().transpose(1, 2)
