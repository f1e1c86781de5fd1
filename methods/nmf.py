"""A model of noise: its variance in each bin is a non-negative matrix factorisation."""

from __future__ import annotations

import math
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

    def stationary(self, level: Tensor) -> NoiseModel:
        """With the variance ``level``, ``[B, F]``, at all times.

        Each component keeps its share of a bin, so that they differ and updates can move them apart.
        """
        return NoiseModel(self.W / self.W.sum(-1, keepdim=True) * level[..., None], torch.ones_like(self.H))

    @classmethod
    def drawn(cls, rank: int, randn_like: RandnLike, spectrograms: Tensor) -> NoiseModel:
        """A random start for each of ``[B, 1, F, T]``: magnitudes of Gaussian draws, at least ``FLOOR``."""
        batch, _, bins, frames = spectrograms.shape
        real = torch.zeros(batch, 1, bins + frames, rank, device=spectrograms.device)
        values = randn_like(real)[:, 0].abs().clamp(min=FLOOR)
        return cls(values[:, :bins], values[:, bins:].mT.contiguous())


def quiet_level(spectrograms: Tensor, quantile: float, power: float) -> Tensor:
    """The mean power of the noise in each bin of ``[B, 1, F, T]``, ``[B, F]``, from a low quantile over time.

    Speech leaves each bin now and then, and what is then there is noise: Stahl, Fischer, Bippus 2000, "Quantile Based
    Noise Estimation for Spectral Subtraction and Wiener Filtering". If the noise is Gaussian, |n|^2 is exponentially
    distributed, and its q-quantile -ln(1 - q) times its mean. That of |n|^(2a) is the same to the power a, and its mean
    Gamma(1 + a) E[|n|^2]^a, which makes their ratio known. Frames of zeros, as a spectrogram is padded with, are left
    out.

    Args:
        power: a: spectrograms are of magnitudes to this power; 0.5 compresses.
    """
    powers = spectrograms.squeeze(1).abs().square()
    silent = powers.amax(1, keepdim=True) == 0
    heard = (~silent).sum(-1, keepdim=True)
    ranked = powers.masked_fill(silent, torch.inf).sort(-1).values
    index = (quantile * (heard - 1)).long().clamp(min=0).expand(-1, powers.shape[1], 1)
    low = ranked.gather(-1, index).squeeze(-1)
    mean = math.gamma(1 + power) / (-math.log1p(-quantile)) ** power * low
    return torch.where(torch.isinf(mean), 0.0, mean).clamp(min=FLOOR)
