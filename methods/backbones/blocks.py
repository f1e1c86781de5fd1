"""The building blocks of NCSN++ (Song et al. 2021, "Score-based generative modeling through SDEs")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.backbones import winograd
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


def frequencies(count: int, scale: float) -> Tensor:
    """Normal numbers of standard deviation ``scale``, ``[count]``.

    On the meta device they are left out: there, such operations make torch import its compiler, which takes a second.
    """
    values = torch.empty(count)
    return values if values.is_meta else values.normal_() * scale


class Conv(nn.Conv2d):
    """A convolution that keeps the map's size, and what would be passes over the map after it.

    On the CPU those of size 1 are called dilated, which changes nothing of them but that oneDNN computes them: a
    single thread would get them in float32 as a matrix product, which takes twice as long.
    """

    def forward(self, input: Tensor, scale: float = 1.0, shift: Tensor | None = None) -> Tensor:
        """``scale`` (convolution + bias + ``shift``), the ``shift`` ``[B, out]``, or ``[1, out]`` for all."""
        assert self.bias is not None
        once = shift is not None and len(shift) == 1
        bias = self.bias if shift is None or not once else (self.bias + shift[0]).to(self.bias.dtype)
        h = self.linear(input, scale, bias if scale == 1 else bias * scale)
        if shift is None or once:
            return h
        each = (shift * scale)[:, :, None, None].to(h.dtype)
        return h + each if torch.is_grad_enabled() else h.add_(each)

    def linear(self, input: Tensor, scale: float = 1.0, bias: Tensor | None = None) -> Tensor:
        """``scale`` convolution + ``bias``."""
        dilation = 2 if self.kernel_size == (1, 1) and input.device.type == "cpu" else 1
        weight = self.weight if scale == 1 else self.weight * scale
        if winograd.worthwhile(input, weight):
            return winograd.conv2d(input, weight, bias)
        return F.conv2d(input, weight, bias, padding=self.padding, dilation=dilation)


def conv(in_channels: int, out_channels: int, kernel: int = 3, scale: float = 1.0) -> Conv:
    """One with the reference's initialisation."""
    layer = Conv(in_channels, out_channels, kernel, padding=kernel // 2)
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

    @property
    def scale(self) -> float:
        """What both parts of a residual sum are multiplied by."""
        return SQRT_HALF if self.skip_rescale else 1.0


STANDARD = Style()
"""The papers'."""


def add(h: Tensor, x: Tensor, scale: float = 1.0) -> Tensor:
    """h + scale x; reuses ``h`` where no gradient needs it."""
    return torch.add(h, x, alpha=scale) if torch.is_grad_enabled() else h.add_(x, alpha=scale)


class FourierFeatures(nn.Module):
    """Random Fourier features of log t: ``[B]`` -> ``[B, 2 * count]``."""

    weight: Tensor

    def __init__(self, count: int, scale: float = 16.0) -> None:
        super().__init__()
        # A parameter without gradient, as in the reference: it is in the weights and in the EMA.
        self.weight = nn.Parameter(frequencies(count, scale), requires_grad=False)

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
        style, scale = self.style, self.style.scale
        h = norm_act(self.norm0, x, style.activation)
        if self.resample is not None:
            h = self.resample(h, style.fir_kernel)
        h = self.conv0(h, shift=None if embedding is None else self.time(ACTIVATIONS[style.activation](embedding)))
        h = norm_act(self.norm1, h, style.activation)
        if self.skip is None:
            return add(self.conv1(h, scale), x, scale)
        if self.resample is not upsample:
            x = x if self.resample is None else self.resample(x, style.fir_kernel)
            return add(self.conv1(h, scale), self.skip(x, scale))
        # The skip's convolution at a quarter of the positions; its bias after the filter, which weakens borders.
        skipped = upsample(self.skip.linear(x, scale), style.fir_kernel)
        assert self.skip.bias is not None
        return add(self.conv1(h, scale, self.skip.bias[None]), skipped)


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
        h = attended.squeeze(1).transpose(1, 2).reshape(batch, channels, height, width)
        return add(self.out(h, self.style.scale), x, self.style.scale)
