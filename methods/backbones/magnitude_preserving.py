"""Layers that keep the magnitude of features and weights: Karras et al. 2024, "Analyzing and Improving the Training
Dynamics of Diffusion Models" (EDM2), Sec. 2 and Appendix B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def normalised(x: Tensor, axes: Sequence[int], eps: float = 1e-4) -> Tensor:
    """``x`` divided by its root mean square over ``axes``."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=tuple(axes), keepdim=True, dtype=torch.float32)
    scale = math.sqrt(norm.numel() / x.numel())
    return x / (eps + scale * norm).to(x.dtype)


def activation(x: Tensor) -> Tensor:
    """SiLU over its expected magnitude for Gaussian input."""
    return F.silu(x) / 0.596


def blend(a: Tensor, b: Tensor, share: float) -> Tensor:
    """(1 - share) a + share b, at unit magnitude for independent inputs: Eq. (88) there."""
    return torch.lerp(a, b, share) / math.sqrt((1 - share) ** 2 + share**2)


def concatenated(a: Tensor, b: Tensor) -> Tensor:
    """Channels of both, weighted so that both count alike and the magnitude stays: Eq. (103) there."""
    ways = a.shape[1], b.shape[1]
    scale = math.sqrt(sum(ways) / 2)
    return torch.cat([part * (scale / math.sqrt(n)) for part, n in zip((a, b), ways, strict=True)], dim=1)


class Fourier(nn.Module):
    """Random Fourier features of a time, ``[B]`` -> ``[B, count]``."""

    freqs: Tensor
    phases: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("freqs", 2 * math.pi * torch.randn(count))
        self.register_buffer("phases", 2 * math.pi * torch.rand(count))

    def forward(self, t: Tensor) -> Tensor:
        return math.sqrt(2) * torch.cos(t[:, None] * self.freqs + self.phases)


class Weight(nn.Module):
    """A convolution (kernel 1 or 3) or, without a kernel, a linear map, whose weights have unit magnitude.

    In training the stored weights are normalised before each use.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int | None) -> None:
        super().__init__()
        shape = () if kernel is None else (kernel, kernel)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, *shape))

    def forward(self, x: Tensor, gain: Tensor | float = 1.0) -> Tensor:
        axes = range(1, self.weight.ndim)
        if self.training and torch.is_grad_enabled():
            with torch.no_grad():
                self.weight.copy_(normalised(self.weight, axes))
        weight = normalised(self.weight.float(), axes) * (gain / math.sqrt(self.weight[0].numel()))
        weight = weight.to(x.dtype)
        if weight.ndim == 2:
            return x @ weight.T
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
