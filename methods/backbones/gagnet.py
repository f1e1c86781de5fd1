"""GaGNet: a coarse gain ("glance") and a complex residual ("gaze"), refined in stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.core.errors import UserError
from methods.backbones.base import Backbone, Renamings

FEATURES = 64
"""Channels of the encoder's last map."""


class GatedConv(nn.Module):
    """Half of the channels times the sigmoid of the others, ``[B, C, T, F]``; sees one frame back."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 2 * outputs, (2, width), stride=(1, 2))
        self.norm = nn.InstanceNorm2d(outputs, affine=True)
        self.activation = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        values, gate = self.conv(F.pad(x, (0, 0, 1, 0))).chunk(2, dim=1)
        h: Tensor = self.activation(self.norm(values * torch.sigmoid(gate)))
        return h


def _layer(conv: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(conv, nn.InstanceNorm2d(channels, affine=True), nn.PReLU(channels))


class Level(nn.Module):
    """A gated convolution that halves the frequency axis, then a small U-Net along that axis, added to its input."""

    def __init__(self, inputs: int, channels: int, width: int, depth: int) -> None:
        super().__init__()
        shape, stride = (1, 3), (1, 2)
        self.gate = GatedConv(inputs, channels, width)
        self.down = nn.ModuleList(_layer(nn.Conv2d(channels, channels, shape, stride), channels) for _ in range(depth))
        self.up = nn.ModuleList(
            _layer(nn.ConvTranspose2d(channels * (2 if i else 1), channels, shape, stride), channels)
            for i in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        whole: Tensor = self.gate(x)
        maps = [whole]
        for down in self.down:
            maps.append(down(maps[-1]))
        h = maps.pop()
        for i, up in enumerate(self.up):
            h = up(torch.cat((h, maps.pop()), dim=1) if i else h)
        return whole + h


class Encoder(nn.Module):
    """Four levels and a last gated convolution: ``[B, 2, T, bins]`` -> ``[B, features, T]``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            Level(2 if i == 0 else channels, channels, 5 if i == 0 else 3, 4 - i) for i in range(4)
        )
        self.last = GatedConv(channels, FEATURES, 3)

    def forward(self, x: Tensor) -> Tensor:
        for level in self.levels:
            x = level(x)
        h: Tensor = self.last(x)
        return h.transpose(-2, -1).flatten(1, 2)


class Temporal(nn.Module):
    """A residual bottleneck with a dilated convolution over time, ``[B, features, T]``."""

    def __init__(self, features: int, hidden: int, dilation: int) -> None:
        super().__init__()

        def normal() -> list[nn.Module]:
            return [nn.PReLU(hidden), nn.InstanceNorm1d(hidden, affine=True)]

        self.input = nn.Conv1d(features, hidden, 1, bias=False)
        self.dilated = nn.Sequential(
            *normal(), nn.Conv1d(hidden, hidden, 3, dilation=dilation, padding=dilation, bias=False)
        )
        self.output = nn.Sequential(*normal(), nn.Conv1d(hidden, features, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.output(self.dilated(self.input(x)))
        return x + h


class Branch(nn.Module):
    """Features and the estimate so far, through temporal blocks, to one value for each bin; a branch an output."""

    def __init__(
        self, features: int, bins: int, hidden: int, groups: int, dilations: Sequence[int], outputs: int
    ) -> None:
        super().__init__()
        inputs = features + 2 * bins
        self.main, self.gate = nn.Conv1d(inputs, features, 1), nn.Conv1d(inputs, features, 1)
        self.temporal = nn.ModuleList(
            nn.Sequential(*(nn.Sequential(*(Temporal(features, hidden, d) for d in dilations)) for _ in range(groups)))
            for _ in range(outputs)
        )
        self.linear = nn.ModuleList(nn.Conv1d(features, bins, 1) for _ in range(outputs))

    def forward(self, x: Tensor) -> list[Tensor]:
        h = self.main(x) * torch.sigmoid(self.gate(x))
        return [linear(temporal(h)) for temporal, linear in zip(self.temporal, self.linear, strict=True)]


class GaGNet(Backbone):
    """Complex spectrogram in and out: Li et al. 2022, "Glance and Gaze", as in the StoRM release.

    There the last stage goes through a tanh and is a complex mask on the input, and the other stages have no loss of
    their own; in the paper every stage estimates the spectrogram. The instance normalisation is over all frames, and so
    over those that a recording is padded with.

    Args:
        bins: frequency bins within, at least the spectrogram's, which is zero-padded to it; such that every halving
            (257, 127, 63, 31, 15, 7) is odd.
        channels: of the encoder.
        hidden: of the temporal blocks.
        groups, dilations: temporal blocks of a branch: so many groups of one a dilation.
        stages: glances and gazes.
    """

    stride = 1
    reference_names: ClassVar[Renamings] = (
        (r"^en\.meta_unet_list\.", "encoder.levels."),
        (r"\.in_conv\.0\.conv\.1\.", ".gate.conv."),
        (r"(levels\.\d+)\.in_conv\.1\.norm\.", r"\1.gate.norm."),
        (r"(levels\.\d+)\.in_conv\.2\.", r"\1.gate.activation."),
        (r"\.enco\.(\d+)\.conv\.(\d)\.", r".down.\1.\2."),
        (r"\.deco\.(\d+)\.deconv\.(\d)\.", r".up.\1.\2."),
        (r"^en\.last_conv\.0\.conv\.1\.", "encoder.last.conv."),
        (r"^en\.last_conv\.1\.norm\.", "encoder.last.norm."),
        (r"^en\.last_conv\.2\.", "encoder.last.activation."),
        (r"^gags\.", "stages."),
        (r"\.(glance|gaze)_block\.", r".\1."),
        (r"\.in_conv_main\.", ".main."),
        (r"\.in_conv_gate\.0\.", ".gate."),
        (r"\.(tcn_g|tcm_r)\.(\d+)\.tcns\.", r".temporal.0.\2."),
        (r"\.tcm_i\.(\d+)\.tcns\.", r".temporal.1.\1."),
        (r"\.linear_g\.0\.", ".linear.0."),
        (r"\.linear_r\.", ".linear.0."),
        (r"\.linear_i\.", ".linear.1."),
        (r"\.in_conv\.", ".input."),
        (r"\.d_conv\.3\.", ".dilated.2."),
        (r"\.d_conv\.", ".dilated."),
        (r"\.out_conv\.", ".output."),
        (r"(\.\d)\.norm\.(weight|bias)$", r"\1.\2"),
    )

    def __init__(
        self,
        inputs: int = 1,
        bins: int = 257,
        channels: int = 64,
        hidden: int = 64,
        groups: int = 2,
        dilations: Sequence[int] = (1, 2, 5, 9),
        stages: int = 3,
        *,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.only_predictive(inputs, conditional)
        self.bins = bins
        width = bins
        for kernel in (5, 3, 3, 3, 3):
            if width % 2 == 0 or width < kernel:
                raise UserError(f"gagnet: bins={bins}: with every halving it must stay odd, as 65, 161 and 257 do")
            width = (width - kernel) // 2 + 1
        features = FEATURES * width
        self.encoder = Encoder(channels)
        self.stages = nn.ModuleList(
            nn.ModuleDict(
                {
                    "glance": Branch(features, bins, hidden, groups, dilations, 1),
                    "gaze": Branch(features, bins, hidden, groups, dilations, 2),
                }
            )
            for _ in range(stages)
        )

    def misfit(self, bins: int) -> str:
        return f"takes at most {self.bins}: its option bins" if bins > self.bins else ""

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Complex ``[B, 1, F, T]`` -> the same, F at most ``bins``."""
        given = F.pad(torch.view_as_real(x.squeeze(1)).movedim(-1, 1), (0, 0, 0, self.bins - x.shape[-2]))
        features = self.encoder(given.transpose(-2, -1))
        estimate = given  # [B, 2, bins, T]
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleDict)
            beside = torch.cat((features, estimate.flatten(1, 2).to(features.dtype)), dim=1)
            (gain,) = stage["glance"](beside)
            estimate = torch.sigmoid(gain)[:, None] * estimate + torch.stack(stage["gaze"](beside), dim=1)
        real, imaginary = torch.tanh(estimate[:, :, : x.shape[-2]].float()).unbind(1)
        return torch.complex(real, imaginary).unsqueeze(1) * x
