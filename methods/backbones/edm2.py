"""The U-Net of EDM2, with magnitude-preserving layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.core.errors import UserError
from methods.backbones.base import Backbone, Renamings
from methods.backbones.magnitude_preserving import Fourier, Weight, activation, blend, concatenated, normalised

HEAD = 64
"""Channels of an attention head."""
SHARE = 0.3
"""Of a residual branch."""
LARGEST = 256.0


class Block(nn.Module):
    """A residual block, optionally resampling by two before, and attention after."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int,
        *,
        decodes: bool,
        attention: bool = False,
        resample: str | None = None,
    ) -> None:
        super().__init__()
        self.decodes, self.resample = decodes, resample
        self.heads = outputs // HEAD if attention else 0
        self.emb_gain = nn.Parameter(torch.zeros([]))
        self.conv_res0 = Weight(outputs if not decodes else inputs, outputs, 3)
        self.emb_linear = Weight(embedding, outputs, None)
        self.conv_res1 = Weight(outputs, outputs, 3)
        self.conv_skip = Weight(inputs, outputs, 1) if inputs != outputs else None
        self.attn_qkv = Weight(outputs, 3 * outputs, 1) if self.heads else None
        self.attn_proj = Weight(outputs, outputs, 1) if self.heads else None

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        if self.resample == "down":
            x = F.avg_pool2d(x, 2)
        elif self.resample == "up":
            x = F.interpolate(x, scale_factor=2)
        if not self.decodes:
            x = normalised(x if self.conv_skip is None else self.conv_skip(x), [1])
        h = self.conv_res0(activation(x))
        scale = self.emb_linear(embedding, self.emb_gain) + 1
        h = self.conv_res1(activation(h * scale[:, :, None, None].to(h.dtype)))
        if self.decodes and self.conv_skip is not None:
            x = self.conv_skip(x)
        x = blend(x, h, SHARE)
        return self._attended(x).clamp(-LARGEST, LARGEST)

    def _attended(self, x: Tensor) -> Tensor:
        if self.attn_qkv is None or self.attn_proj is None:
            return x
        batch, _, height, width = x.shape
        parts = self.attn_qkv(x).reshape(batch, self.heads, -1, 3, height * width)
        query, key, value = (part.transpose(-2, -1) for part in normalised(parts, [2]).unbind(3))
        found = F.scaled_dot_product_attention(query, key, value)
        return blend(x, self.attn_proj(found.transpose(-2, -1).reshape(x.shape)), SHARE)


class EDM2UNet(Backbone):
    """Complex spectrograms and a time in, one complex spectrogram out: Karras et al. 2024 (EDM2), as SIPS has it.

    The time goes in as it is. ``log_variance`` is the learnt weight of the loss at a time (Sec. 2 there).

    Args:
        width: channels of the first level.
        multipliers: channels of each level in units of ``width``.
        blocks: residual blocks a level on the way down; one more on the way up.
        attention_heights: numbers of frequency bins at which there is attention, besides the bottleneck's.
        height: number of frequency bins that these are meant for.
    """

    stride = 1
    precise: ClassVar[tuple[str, ...]] = ("emb_fourier", "logvar_fourier")
    reference_names: ClassVar[Renamings] = ((r"^unet\.", ""),)

    def __init__(
        self,
        inputs: int = 1,
        width: int = 128,
        multipliers: Sequence[int] = (1, 1, 2, 2, 2, 2, 2),
        blocks: int = 2,
        attention_heights: Sequence[int] = (16,),
        height: int = 256,
        logvar_width: int = 128,
        *,
        conditional: bool = True,
    ) -> None:
        super().__init__()
        if not conditional:
            raise UserError("edm2 is a network of a time; it cannot do without")
        self.conditional = True
        self.multiple = 2 ** (len(multipliers) - 1)
        channels = [width * multiple for multiple in multipliers]
        embedding = max(channels)
        self.out_gain = nn.Parameter(torch.zeros([]))
        self.emb_fourier = Fourier(width)
        self.emb_noise = Weight(width, embedding, None)
        self.logvar_fourier = Fourier(logvar_width)
        self.logvar_linear = Weight(logvar_width, 1, None)

        self.enc, skips = nn.ModuleDict(), []
        now = 2 * inputs + 1  # a channel of ones stands for the bias
        for level, out in enumerate(channels):
            at = f"{height >> level}x{height >> level}"
            attention = height >> level in attention_heights
            if level == 0:
                self.enc[f"{at}_conv"] = Weight(now, out, 3)
                now = out
            else:
                self.enc[f"{at}_down"] = Block(now, now, embedding, decodes=False, resample="down")
            skips.append(now)
            for index in range(blocks):
                block = Block(now, out, embedding, decodes=False, attention=attention)
                self.enc[f"{at}_block{index}"] = block
                now = out
                skips.append(now)

        self.dec = nn.ModuleDict()
        for level, out in reversed(list(enumerate(channels))):
            at = f"{height >> level}x{height >> level}"
            attention = height >> level in attention_heights
            if level == len(channels) - 1:
                self.dec[f"{at}_in0"] = Block(now, now, embedding, decodes=True, attention=True)
                self.dec[f"{at}_in1"] = Block(now, now, embedding, decodes=True)
            else:
                self.dec[f"{at}_up"] = Block(now, now, embedding, decodes=True, resample="up")
            for index in range(blocks + 1):
                block = Block(now + skips.pop(), out, embedding, decodes=True, attention=attention)
                self.dec[f"{at}_block{index}"] = block
                now = out
        self.out_conv = Weight(now, 2, 3)

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Complex ``[B, inputs, F, T]`` and t ``[B]`` -> complex ``[B, 1, F, T]``; F, T multiples of 2^(levels - 1).

        Raises:
            UserError: F or T is no such multiple.
        """
        if t is None:
            raise ValueError("a conditional network needs the time t")
        if x.shape[-2] % self.multiple or x.shape[-1] % self.multiple:
            raise UserError(f"edm2 takes multiples of {self.multiple} bins and frames, not {list(x.shape[-2:])}")
        real = torch.view_as_real(x).permute(0, 1, 4, 2, 3).flatten(1, 2)
        found = self.real(real, t).float().permute(0, 2, 3, 1).contiguous()
        return torch.view_as_complex(found).unsqueeze(1)

    def real(self, x: Tensor, t: Tensor) -> Tensor:
        """Real and imaginary parts, ``[B, 2 inputs, F, T]`` -> ``[B, 2, F, T]``."""
        embedding = activation(self.emb_noise(self.emb_fourier(t)))
        h = torch.cat((x, torch.ones_like(x[:, :1])), dim=1)
        skips = []
        for layer in self.enc.values():
            h = layer(h) if isinstance(layer, Weight) else layer(h, embedding)
            skips.append(h)
        for name, block in self.dec.items():
            if "block" in name:
                h = concatenated(h, skips.pop())
            h = block(h, embedding)
        found: Tensor = self.out_conv(h, self.out_gain)
        return found

    def log_variance(self, t: Tensor) -> Tensor:
        """The logarithm of the loss's expected size at t, ``[B]``."""
        found: Tensor = self.logvar_linear(self.logvar_fourier(t))
        return found.squeeze(1)
