"""The building blocks of NCSN++ (Song et al. 2021, "Score-based generative modeling through SDEs")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.backbones.fir import KERNEL, downsample, upsample
from methods.backbones.fused import ACTIVATIONS, norm_act

SQRT_HALF = math.sqrt(0.5)


def scaled_init_(weight: Tensor, scale: float = 1.0, fan_in: int | None = None, fan_out: int | None = None) -> Tensor:
    """Variance scaling in place: uniform, fan average (DDPM's initialiser); scale 0 means 1e-10."""
    receptive = weight[0, 0].numel() if weight.ndim > 2 else 1
    fan_in = fan_in or weight.shape[1] * receptive
    fan_out = fan_out or weight.shape[0] * receptive
    limit = math.sqrt(3.0 * (scale or 1e-10) / ((fan_in + fan_out) / 2))
    return nn.init.uniform_(weight, -limit, limit)


def conv(in_channels: int, out_channels: int, kernel: int = 3, scale: float = 1.0) -> nn.Conv2d:
    """A same-size convolution with the reference's initialisation."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    scaled_init_(layer.weight.data, scale)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def linear(in_features: int, out_features: int) -> nn.Linear:
    """A dense layer with the reference's initialisation."""
    layer = nn.Linear(in_features, out_features)
    scaled_init_(layer.weight.data)
    nn.init.zeros_(layer.bias)
    return layer


def group_norm(channels: int) -> nn.GroupNorm:
    """At most 32 groups of at least 4 channels."""
    return nn.GroupNorm(min(channels // 4, 32), channels, eps=1e-6)


@dataclass(frozen=True)
class Style:
    """What all blocks of a network have in common, and their weights do not show.

    Attributes:
        activation: "swish", "elu", "relu" or "lrelu".
        skip_rescale: whether a residual sum is divided by sqrt(2).
        fir_kernel: of the resampling.
    """

    activation: str = "swish"
    skip_rescale: bool = True
    fir_kernel: Sequence[float] = KERNEL

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}, not {self.activation}")

    def residual(self, skip: Tensor, h: Tensor) -> Tensor:
        """(skip + h) / sqrt(2), or without the division; reuses ``h`` where no gradient needs it."""
        summed = skip + h if torch.is_grad_enabled() else h.add_(skip)
        if not self.skip_rescale:
            return summed
        return summed * SQRT_HALF if torch.is_grad_enabled() else summed.mul_(SQRT_HALF)


STANDARD = Style()
"""The papers'."""


class FourierFeatures(nn.Module):
    """Random Fourier features of log t: ``[B]`` -> ``[B, 2 * count]``."""

    weight: Tensor

    def __init__(self, count: int, scale: float = 16.0) -> None:
        super().__init__()
        # A parameter without gradient, as in the reference: it is in the weights and in the EMA.
        self.weight = nn.Parameter(torch.randn(count) * scale, requires_grad=False)

    def forward(self, log_t: Tensor) -> Tensor:
        # The order of the products matters: angles reach 10^3 rad.
        angle = log_t[:, None] * self.weight[None, :] * 2 * math.pi
        return torch.cat((angle.sin(), angle.cos()), dim=-1)


class ResBlock(nn.Module):
    """BigGAN residual block, optionally resampling by two.

    Args:
        in_channels, out_channels: of the feature map.
        embedding: size of the time embedding; its dense layer exists also in networks that are never
            given a time, as in the reference.
        resample: "up", "down" or None.
        style: see there.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embedding: int,
        resample: str | None = None,
        style: Style = STANDARD,
    ) -> None:
        super().__init__()
        self.style = style
        self.resample = {"up": upsample, "down": downsample, None: None}[resample]
        self.norm0 = group_norm(in_channels)
        self.conv0 = conv(in_channels, out_channels)
        self.time = linear(embedding, out_channels)
        self.norm1 = group_norm(out_channels)
        self.conv1 = conv(out_channels, out_channels, scale=0.0)
        needs_projection = in_channels != out_channels or resample is not None
        self.skip = conv(in_channels, out_channels, kernel=1) if needs_projection else None

    def forward(self, x: Tensor, embedding: Tensor | None) -> Tensor:
        h = norm_act(self.norm0, x, self.style.activation)
        if self.resample is not None:
            h, x = (self.resample(values, self.style.fir_kernel) for values in (h, x))
        h = self.conv0(h)
        if embedding is not None:
            shift = self.time(ACTIVATIONS[self.style.activation](embedding))[:, :, None, None].to(h.dtype)
            h = h + shift if torch.is_grad_enabled() else h.add_(shift)
        h = self.conv1(norm_act(self.norm1, h, self.style.activation))
        return self.style.residual(x if self.skip is None else self.skip(x), h)


class Attention(nn.Module):
    """Self-attention of one head over all time-frequency positions, with a residual connection."""

    def __init__(self, channels: int, style: Style = STANDARD) -> None:
        super().__init__()
        self.style = style
        self.norm = group_norm(channels)
        self.query, self.key, self.value = (conv(channels, channels, 1, scale=0.1) for _ in range(3))
        self.out = conv(channels, channels, 1, scale=0.0)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        h = self.norm(x)

        def tokens(layer: nn.Conv2d) -> Tensor:  # [B, 1, positions, C]
            features: Tensor = layer(h)
            return features.flatten(2).transpose(1, 2).unsqueeze(1)

        attended = F.scaled_dot_product_attention(tokens(self.query), tokens(self.key), tokens(self.value))
        h = self.out(attended.squeeze(1).transpose(1, 2).reshape(batch, channels, height, width))
        return self.style.residual(x, h)
