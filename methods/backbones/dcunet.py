"""DCUNet: a complex-valued U-Net with dilated convolutions, conditioned on the diffusion time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.core.errors import UserError, did_you_mean
from methods.backbones.base import Backbone, Renamings
from methods.backbones.blocks import frequencies

STRIDES = ((1, 1), (1, 1), (1, 1), (2, 1), (2, 2), (2, 2))
DILATIONS = ((1, 1), (1, 1), (1, 1), (2, 1), (4, 1), (8, 1))
WIDTHS = (1, 1, 1, 2, 4, 8)
"""Of the encoder's convolutions, (frequency, time), and their channels in units of ``width``: "DilDCUNet-v2"."""

STATISTICS = ("running_mean", "running_var")
"""Of a batch normalisation."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"leaky_relu": F.leaky_relu, "relu": F.relu, "silu": F.silu}

# Complex feature maps are real tensors [B, 2C, ...] within: the real parts of all channels, then their imaginary parts.
# A complex convolution is one real convolution with twice the channels: where they are few, that is twice as fast on a
# CPU as one for each of the four products.


class Complex(nn.Module):
    """A linear complex layer from two real ones: (a + ib)(x + iy)."""

    re: Any
    im: Any

    def __init__(self, real: nn.Module, imaginary: nn.Module) -> None:
        super().__init__()
        self.re, self.im = real, imaginary

    def parameters_as_real(self, outputs: int) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of the real layer with twice the channels.

        Args:
            outputs: the weight's dimension of the output channels, 0 or 1.
        """
        real, imaginary = self.re.weight, self.im.weight
        rows = (torch.cat((real, -imaginary), 1 - outputs), torch.cat((imaginary, real), 1 - outputs))
        weight = torch.cat(rows, outputs)
        if self.re.bias is None:
            return weight, None
        return weight, torch.cat((self.re.bias - self.im.bias, self.re.bias + self.im.bias))


class ComplexLinear(Complex):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, outputs), nn.Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, *self.parameters_as_real(0))


class ComplexConvolution(Complex):
    """The encoder's convolution at ``depth``, or the decoder's that undoes its size."""

    def __init__(self, inputs: int, outputs: int, depth: int, *, up: bool, bias: bool) -> None:
        kind: Any = nn.ConvTranspose2d if up else nn.Conv2d
        options = {"stride": STRIDES[depth], "padding": 2, "dilation": DILATIONS[depth], "bias": bias}
        super().__init__(kind(inputs, outputs, 4, **options), kind(inputs, outputs, 4, **options))

    def forward(self, x: Tensor, size: Sequence[int] = ()) -> Tensor:
        """Args: size: of the output, in both directions, of a transposed convolution."""
        layer = self.re
        if not layer.transposed:
            return F.conv2d(x, *self.parameters_as_real(0), layer.stride, layer.padding, layer.dilation)
        pad = layer._output_padding(x, list(size), layer.stride, layer.padding, layer.kernel_size, 2, layer.dilation)
        weight, bias = self.parameters_as_real(1)
        return F.conv_transpose2d(x, weight, bias, layer.stride, layer.padding, pad, 1, layer.dilation)


class ComplexNorm(nn.Module):
    """Batch normalisation of the real and of the imaginary parts, each with its own statistics."""

    re: Any
    im: Any

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.re, self.im = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """As one normalisation of twice the channels, since parts of a tensor are normalised slowly."""
        norms = (self.re, self.im)
        weight, bias = (torch.cat([getattr(norm, name) for norm in norms]) for name in ("weight", "bias"))
        means, variances = (torch.cat([getattr(norm, name) for norm in norms]) for name in STATISTICS)
        found = F.batch_norm(x, means, variances, weight, bias, self.training, self.re.momentum, self.re.eps)
        if self.training:
            for norm, *values in zip(norms, means.chunk(2), variances.chunk(2), strict=True):
                norm.num_batches_tracked += 1
                for name, value in zip(STATISTICS, values, strict=True):
                    getattr(norm, name).copy_(value)
        return found


class Block(nn.Module):
    """A complex convolution, up or down, the time embedding added for each channel, normalisation, activation."""

    def __init__(self, inputs: int, outputs: int, depth: int, embedding: int, activation: str, *, up: bool) -> None:
        super().__init__()
        self.conv = ComplexConvolution(inputs, outputs, depth, up=up, bias=False)
        self.norm = ComplexNorm(outputs)
        self.time = ComplexLinear(embedding, outputs)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor, embedding: Tensor, *size: Any) -> Tensor:
        h = self.conv(x, *size) + F.silu(self.time(embedding))[:, :, None, None]
        return self.activation(self.norm(h))


class DCUNet(Backbone):
    """Complex spectrograms in, one out: the network of Welker, Richter, Gerkmann 2022, "Speech Enhancement with
    Score-Based Generative Models in the Complex STFT Domain" (SGMSE), after Choi et al. 2019 (DCUNet).

    The release's "DilDCUNet-v2". The time embedding is of t itself. The output is divided neither by t nor by sigma.

    Args:
        width: complex channels of the first level.
        embedding: size of the time embedding.
        global_layers: layers of it before the blocks': 2 at the time of the paper, 1 on the command line since.
        activation: "relu" at the time of the paper, "leaky_relu" since.
    """

    stride = 1
    precise: ClassVar[tuple[str, ...]] = ("fourier",)
    reference_names: ClassVar[Renamings] = (
        (r"^embed\.0\.W$", "fourier"),
        (r"^embed\.1\.", "embed.0."),
        (r"^embed\.3\.", "embed.1."),
        (r"^output_layer\.", "output."),
        (r"\.deconv\.", ".conv."),
        (r"\.embed_layer\.0\.dense\.", ".time."),
        (r"\.(re|im)_module\.", r".\1."),
    )

    def __init__(
        self,
        inputs: int = 2,
        width: int = 32,
        embedding: int = 128,
        global_layers: int = 1,
        activation: str = "leaky_relu",
        *,
        conditional: bool = True,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise did_you_mean("activation", activation, ACTIVATIONS)
        if not conditional:
            raise UserError("dcunet is a score network: it takes the diffusion time")
        self.conditional = True
        self.fourier = nn.Parameter(frequencies(embedding // 2, 16), requires_grad=False)
        self.embed = nn.ModuleList(ComplexLinear(embedding, embedding) for _ in range(global_layers))
        channels = [inputs, *(width * multiple for multiple in WIDTHS)]
        depths = range(len(WIDTHS))
        self.encoders = nn.ModuleList(
            Block(channels[i], channels[i + 1], i, embedding, activation, up=False) for i in depths
        )
        self.decoders = nn.ModuleList(
            Block(channels[i + 1] * (1 if i == depths[-1] else 2), channels[i], i, embedding, activation, up=True)
            for i in reversed(depths[1:])
        )
        self.output = ComplexConvolution(2 * channels[1], 1, 0, up=True, bias=True)

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """The network's output, ``[B, 1, F, T]``.

        Raises:
            UserError: F - 1 is no multiple of 8.
        """
        if t is None:
            raise ValueError("a conditional network needs the diffusion time t")
        if misfit := self.misfit(x.shape[-2]):
            raise UserError(f"dcunet {misfit}, not {x.shape[-2]}")
        frames = x.shape[-1]
        x = F.pad(x, (0, -(frames - 1) % 4))
        embedding = self._embed(t)
        h = torch.cat((x.real, x.imag), 1)
        sizes: list[Sequence[int]] = [h.shape[-2:]]
        skips = []
        for encoder in self.encoders:
            h = encoder(h, embedding)
            skips.append(h)
            sizes.append(h.shape[-2:])
        skips.pop()
        for decoder in self.decoders:
            skip = skips.pop()
            h = joined(decoder(h, embedding, skip.shape[-2:]), skip)
        real, imaginary = self.output(h, sizes[0]).float().chunk(2, 1)
        return torch.complex(real, imaginary)[..., :frames]

    def misfit(self, bins: int) -> str:
        return "takes one more than a multiple of 8, as n_fft=512 gives" if (bins - 1) % 8 else ""

    def _embed(self, t: Tensor) -> Tensor:
        """Complex, its imaginary part 0 at first: ``[B, 2 embedding]``."""
        angle = t[:, None] * self.fourier[None, :] * 2 * math.pi
        h = torch.cat((angle.sin(), angle.cos()), dim=-1)
        h = torch.cat((h, torch.zeros_like(h)), dim=-1)
        for layer in self.embed:
            h = F.silu(layer(h))
        return h


def joined(one: Tensor, other: Tensor) -> Tensor:
    """The channels of two complex feature maps."""
    parts = zip(one.chunk(2, 1), other.chunk(2, 1), strict=True)
    return torch.cat([part for pair in parts for part in pair], 1)
