"""NCSN++, the network of all four paradigms, as configured in the StoRM paper (NCSN++M) by default.

Lemercier et al., "StoRM", TASLP 2023, Sec. IV-B; architecture from Song et al. 2021: a U-Net of BigGAN
residual blocks with anti-aliased resampling, a pyramid of downsampled inputs added on the way down
(input skip) and a pyramid of outputs summed on the way up (output skip).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.backbones.base import BACKBONES, Backbone, Network
from methods.backbones.blocks import Attention, FourierFeatures, ResBlock, Style, add, conv, group_norm, linear
from methods.backbones.fir import KERNEL, downsample, upsample
from methods.backbones.fused import ACTIVATIONS, norm_act
from methods.backbones.warm_start import from_fewer_inputs, from_predictive

FLOAT32 = ("fourier", "time0", "time1", "output")
"""What computes in float32 in a network of bfloat16, beside the blocks' layers for the time."""


class DownLevel(nn.Module):
    """Residual blocks at one resolution, then a halving one that the input pyramid joins, if there is one."""

    def __init__(
        self,
        channels: int,
        out: int,
        inputs: int | None,
        blocks: int,
        embedding: int,
        style: Style,
        *,
        attention: bool,
        last: bool,
    ) -> None:
        super().__init__()
        self.style = style
        self.blocks = nn.ModuleList(
            ResBlock(channels if i == 0 else out, out, embedding, style=style) for i in range(blocks)
        )
        self.attentions = nn.ModuleList(Attention(out, style) if attention else nn.Identity() for _ in range(blocks))
        self.downsampling = None if last else ResBlock(out, out, embedding, resample="down", style=style)
        self.combine = None if last or inputs is None else conv(inputs, out, kernel=1)

    def forward(self, h: Tensor, pyramid: Tensor, embedding: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """Every output for the skip connections (the last one goes on), and the pyramid one level down."""
        outputs = []
        for block, attention in zip(self.blocks, self.attentions, strict=True):
            h = attention(block(h, embedding))
            outputs.append(h)
        if self.downsampling is not None:
            h = self.downsampling(h, embedding)
            if self.combine is not None:
                pyramid = downsample(pyramid, self.style.fir_kernel)
                h = add(self.combine(pyramid.to(self.combine.weight.dtype)), h)
            outputs.append(h)
        return outputs, pyramid


class UpLevel(nn.Module):
    """Residual blocks that take the skip connections, a tap for the output pyramid if there is one, then doubling."""

    def __init__(
        self,
        channels: int,
        skips: Sequence[int],
        out: int,
        taps: int | None,
        embedding: int,
        style: Style,
        *,
        attention: bool,
        last: bool,
    ) -> None:
        super().__init__()
        self.style = style
        self.blocks = nn.ModuleList(
            ResBlock((channels if i == 0 else out) + skip, out, embedding, style=style) for i, skip in enumerate(skips)
        )
        self.attention = Attention(out, style) if attention else nn.Identity()
        self.norm = None if taps is None else group_norm(out)
        self.tap = None if taps is None else conv(out, taps, scale=0.0)
        self.upsampling = None if last else ResBlock(out, out, embedding, resample="up", style=style)

    def forward(
        self, h: Tensor, skips: list[Tensor], pyramid: Tensor | None, embedding: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The features one level up, and the output pyramid with this level's tap; takes from ``skips``."""
        for block in self.blocks:
            h = block(torch.cat((h, skips.pop()), dim=1), embedding)
        h = self.attention(h)
        if self.norm is not None and self.tap is not None:
            tap = self.tap(norm_act(self.norm, h, self.style.activation))
            pyramid = tap.float() if pyramid is None else upsample(pyramid, self.style.fir_kernel) + tap
        return h if self.upsampling is None else self.upsampling(h, embedding), pyramid


class NCSNpp(Backbone):
    """Complex spectrogram(s) in, one complex spectrogram out.

    Args:
        inputs: number of complex input channels: 2 for [state, noisy], 3 for [state, noisy, estimate],
            1 for the predictive network.
        width: channels of the first level (128 in the paper).
        multipliers: channels of each level in units of ``width``.
        blocks: residual blocks a level on the way down; one more on the way up.
        attention_heights: feature heights (frequency bins) with attention on the path, besides the
            bottleneck's.
        height: number of frequency bins that ``attention_heights`` is meant for.
        conditional: whether the network is given the diffusion time. The predictive one is not: it has
            no time layers, and no division by t.
        scale_by_time: whether a conditional network's output is divided by t, as a score's should be.
        scale_last: whether t divides what is left after the last convolution and its bias, as in SGMSE's
            ``ncsnpp_48k``, and not what goes into it; None for "where there are no pyramids".
        pyramids: whether the input's pyramid joins every level, and every level its tap to the output's;
            without, only the first level taps.
        centered: whether the input already lies around 0 as it should; else it becomes 2x - 1, which
            is what the released StoRM code does.
        activation, skip_rescale, fir_kernel: see ``Style``.
    """

    precise: ClassVar[tuple[str, ...]] = ("fourier",)  # its angles reach 10^3 rad
    core: ClassVar[str] = "real"  # compilers know no complex numbers

    def __init__(
        self,
        inputs: int = 2,
        width: int = 128,
        multipliers: Sequence[int] = (1, 2, 2, 2),
        blocks: int = 1,
        attention_heights: Sequence[int] = (),
        height: int = 256,
        *,
        conditional: bool = True,
        scale_by_time: bool = True,
        scale_last: bool | None = None,
        pyramids: bool = True,
        centered: bool = False,
        activation: str = "swish",
        skip_rescale: bool = True,
        fir_kernel: Sequence[float] = KERNEL,
    ) -> None:
        super().__init__()
        self.conditional = conditional
        self.scale_by_time = conditional and scale_by_time
        self.scale_last = not pyramids if scale_last is None else scale_last
        self.pyramids = pyramids
        self.centered = centered
        self.style = style = Style(activation, skip_rescale, tuple(fir_kernel))
        real = 2 * inputs
        embedding = 4 * width
        levels = len(multipliers)
        with_attention = [height // 2**level in attention_heights for level in range(levels)]

        self.fourier = FourierFeatures(width)
        if conditional:
            self.time0, self.time1 = linear(2 * width, embedding), linear(embedding, embedding)
        self.input = conv(real, width)

        channels, skips = width, [width]
        self.down = nn.ModuleList()
        for level, multiplier in enumerate(multipliers):
            out, last = width * multiplier, level == levels - 1
            self.down.append(
                DownLevel(
                    channels,
                    out,
                    real if pyramids else None,
                    blocks,
                    embedding,
                    style,
                    attention=with_attention[level],
                    last=last,
                )
            )
            skips += [out] * (blocks if last else blocks + 1)
            channels = out

        self.middle0 = ResBlock(channels, channels, embedding, style=style)
        self.middle_attention = Attention(channels, style)
        self.middle1 = ResBlock(channels, channels, embedding, style=style)

        self.up = nn.ModuleList()  # from the deepest level to the first
        for level, multiplier in reversed(list(enumerate(multipliers))):
            out = width * multiplier
            taken = [skips.pop() for _ in range(blocks + 1)]
            taps = real if pyramids or level == 0 else None
            self.up.append(
                UpLevel(channels, taken, out, taps, embedding, style, attention=with_attention[level], last=level == 0)
            )
            channels = out
        self.output = nn.Conv2d(real, 2, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def stride(self) -> int:  # type: ignore[override]
        """Both spectrogram axes must be multiples of this."""
        return int(2 ** (len(self.down) - 1))

    @classmethod
    def options_for(cls, network: Network, options: Mapping[str, Any], *, predicts: str) -> dict[str, Any]:
        """Those that differ from the defaults, so that equal networks are described alike.

        Where ``scale_by_time`` is left open, the output is divided by t where it is a score, since only that
        grows towards t = 0.
        """
        own = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
        scaled = own.pop("scale_by_time", None)
        if scaled is None:
            scaled = predicts == "score"
        defaults = BACKBONES.options("ncsnpp")
        always = ("width", "multipliers")
        size = {
            name: value
            for name, value in own.items()
            if name in always
            or name not in defaults
            or value != (list(defaults[name]) if isinstance(defaults[name], tuple) else defaults[name])
        }
        if not network.timed:
            return {**size, "inputs": network.inputs, "conditional": False}
        return {**size, **({} if scaled else {"scale_by_time": False}), "inputs": network.inputs}

    def unused(self) -> Iterable[nn.Parameter]:
        """The time layers that a network without a time has, for the reference's sake, and never calls."""
        if self.conditional:
            return ()
        blocks = [module for module in self.modules() if isinstance(module, ResBlock)]
        return [parameter for block in blocks for parameter in block.time.parameters()]

    def begin_as(self, given: Backbone, *, zero_output: bool = False) -> None:
        from_predictive(self, given, zero_output=zero_output)

    def begin_with_fewer_inputs(self, given: Backbone) -> None:
        from_fewer_inputs(self, given)

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """The network's output; ``methods.diffusion.parametrization`` says what a score network's stands for.

        Args:
            x: complex ``[B, inputs, F, T]``, F and T multiples of ``stride``.
            t: diffusion time ``[B]`` in (0, 1]; None for the predictive network.

        Returns:
            Complex ``[B, 1, F, T]``.
        """
        # Real channels re, im, re, im, ... of channels_last features: complex numbers already lie so.
        channels = torch.view_as_real(x).permute(0, 1, 4, 2, 3).flatten(1, 2)
        real = self.real(channels.contiguous(memory_format=torch.channels_last), t)
        return torch.view_as_complex(real.float().permute(0, 2, 3, 1).contiguous()).unsqueeze(1)

    def real(self, pyramid: Tensor, t: Tensor | None) -> Tensor:
        """``forward`` with real channels: ``[B, 2 inputs, F, T]`` -> ``[B, 2, F, T]``.

        Feature maps have the type of the weights; both pyramids, to which every level adds, stay in float32.
        """
        if not self.centered:
            pyramid = 2 * pyramid - 1
        embedding = self._embed(t) if self.conditional else None

        h = self.input(pyramid.to(self.input.weight.dtype))
        skips = [h]
        for level in self.down:
            outputs, pyramid = level(h, pyramid, embedding)
            skips += outputs
            h = outputs[-1]

        h = self.middle0(h, embedding)
        h = self.middle1(self.middle_attention(h), embedding)

        summed: Tensor | None = None
        for level in self.up:
            h, summed = level(h, skips, summed, embedding)
        assert summed is not None and not skips

        over = t[:, None, None, None] if self.scale_by_time and t is not None else None
        summed = summed.float()
        if over is not None and not self.scale_last:
            summed = summed / over
        real = F.conv2d(summed, self.output.weight, self.output.bias)
        return real / over if over is not None and self.scale_last else real

    def to_bfloat16(self) -> None:
        for name, parameter in self.named_parameters():
            if not name.startswith(FLOAT32) and ".time." not in name:
                parameter.data = parameter.data.to(torch.bfloat16)

    def _embed(self, t: Tensor | None) -> Tensor:
        if t is None:
            raise ValueError("a conditional network needs the diffusion time t")
        embedding: Tensor = self.time1(ACTIVATIONS[self.style.activation](self.time0(self.fourier(torch.log(t)))))
        return embedding
