"""A model of noise: its variance in each bin is a non-negative matrix factorisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods.noise import RandnLike

FLOOR = 1e-10


@dataclass(frozen=True)
class NoiseModel:
    """Zero-mean complex Gaussian noise of variance V = W H, ``[..., F, T]``, of each recording of a batch its own.

    Fevotte, Bertin, Durrieu 2009: the maximum of its likelihood is the minimum of the Itakura-Saito divergence.

    Attributes:
        W: ``[..., F, rank]``, its columns sum to 1 once fitted.
        H: ``[..., rank, T]``.
    """

    W: Tensor
    H: Tensor

    @property
    def variance(self) -> Tensor:
        """V, at least ``FLOOR``."""
        return (self.W @ self.H).clamp(min=FLOOR)

    def fitted(self, power: Tensor) -> NoiseModel:
        """After one multiplicative update of W, then H, to the expected ``power`` of the noise, ``[..., F, T]``."""
        V = self.variance
        W = self.W * ((power * V**-2) @ self.H.mT) / (V**-1 @ self.H.mT).clamp(min=FLOOR)
        W = W.clamp(min=FLOOR)
        V = NoiseModel(W, self.H).variance
        H = self.H * (W.mT @ (power * V**-2)) / (W.mT @ V**-1).clamp(min=FLOOR)
        H = H.clamp(min=FLOOR)
        return NoiseModel(W, H).normalised()

    def normalised(self) -> NoiseModel:
        """The same variance, with columns of W that sum to 1."""
        total = self.W.sum(-2, keepdim=True).clamp(min=FLOOR)
        return NoiseModel(self.W / total, self.H * total.mT)

    def scaled(self, spectrograms: Tensor, share: float) -> NoiseModel:
        """With a mean variance of ``share`` of the mean power of each of ``[B, 1, F, T]``."""
        level = spectrograms.abs().square().mean(dim=(2, 3)).clamp(min=FLOOR)[:, :, None]
        return NoiseModel(self.W.clone(), self.H * (share * level / self.variance.mean(dim=(1, 2), keepdim=True)))

    @classmethod
    def drawn(cls, rank: int, randn_like: RandnLike, spectrograms: Tensor) -> NoiseModel:
        """A random start for each of ``[B, 1, F, T]``: magnitudes of Gaussian draws, at least ``FLOOR``."""
        batch, _, bins, frames = spectrograms.shape
        real = torch.zeros(batch, 1, bins + frames, rank, device=spectrograms.device)
        values = randn_like(real)[:, 0].abs().clamp(min=FLOOR)
        return cls(values[:, :bins], values[:, bins:].mT.contiguous())
