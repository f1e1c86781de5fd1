"""Convolutions of size 3 by Winograd's minimal filtering F(4 x 4, 3 x 3), for wide features in float32 on the CPU.

Tiles of 6 x 6 inputs are taken to 36 points, where the convolution is a product for each point, and from there to 4 x 4
outputs: a quarter of the multiplications, between transforms of each channel by itself. That pays from 256 channels on.
All of it is convolutions of oneDNN and small matrix products. Lavin and Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)
"""Where polynomials are evaluated, beside infinity: these round three times as roughly as a plain convolution."""

TILE, SIZE = 4, len(POINTS) + 1

CHANNELS, POSITIONS = 256, 4096
"""From so many channels, and so large a map on, it is faster than a plain convolution."""

ROWS = 64
"""So many rows of the map are transformed at a time, so that memory is bounded."""


def worthwhile(x: Tensor, weight: Tensor) -> bool:
    """Whether this is the fastest way to convolve ``x`` with ``weight``, and possible."""
    height, width = x.shape[2:]
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not (torch.is_grad_enabled() or torch.compiler.is_compiling())
        and tuple(weight.shape[2:]) == (3, 3)
        and min(weight.shape[:2]) >= CHANNELS
        and height * width >= POSITIONS
        and not (height % TILE or width % TILE)
    )


@cache
def transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Of outputs ``[6, 4]``, of inputs ``[6, 6]`` and of weights ``[6, 3]``, each along one axis."""

    def powers(count: int) -> Tensor:
        finite = torch.tensor(POINTS, dtype=torch.float64)[:, None] ** torch.arange(count)
        return torch.cat((finite, F.one_hot(torch.tensor([count - 1]), count).double()))

    inputs = torch.linalg.inv(powers(SIZE)).T
    balance = 2 ** inputs.abs().sum(1, keepdim=True).log2().round()
    outputs, weights = powers(TILE), powers(3) * balance
    return outputs.float(), (inputs / balance).float(), weights.float()


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The map's size is kept: channels_last ``[B, C, H, W]`` -> ``[B, K, H, W]``, H and W multiples of 4."""
    batch, _, height, width = x.shape
    points = torch.einsum("ia,jb,kcab->ijkc", transforms()[2], transforms()[2], weight).contiguous()
    output = x.new_empty(batch, height, width, len(weight))
    for start in range(0, height, ROWS):
        stop = min(start + ROWS, height)
        borders = (0, 0, int(start == 0), int(stop == height))
        band = F.pad(x[:, :, max(start - 1, 0) : stop + 1], borders)
        output[:, start:stop].view(batch, -1, TILE, width // TILE, TILE, len(weight)).copy_(_tiles(band, points))
    if bias is not None:
        output += bias
    return output.permute(0, 3, 1, 2)


def _tiles(band: Tensor, points: Tensor) -> Tensor:
    """Rows with one more above and below -> ``[B, rows / 4, 4, W / 4, 4, K]``."""
    outputs, inputs, _ = transforms()
    channels = band.shape[1]

    def filters(taps: Tensor, *size: int) -> Tensor:
        return taps.expand(channels, 1, -1).reshape(channels, 1, *size)

    along = []
    for taps, row in zip(inputs, points, strict=True):
        down = F.conv2d(band, filters(taps, SIZE, 1), stride=(TILE, 1), groups=channels)
        products = []
        for across, product in zip(inputs, row, strict=True):
            point = F.conv2d(down, filters(across, 1, SIZE), stride=(1, TILE), padding=(0, 1), groups=channels)
            # Called dilated, as in blocks.py: else torch would not give it to oneDNN.
            products.append(F.conv2d(point, product[:, :, None, None], dilation=2).permute(0, 2, 3, 1))
        along.append(outputs.T @ torch.stack(products).flatten(1))
    tiles = outputs.T @ torch.stack(along).flatten(1)
    return tiles.view(TILE, TILE, *products[0].shape).permute(2, 3, 0, 4, 1, 5)
