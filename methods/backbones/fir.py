"""Anti-aliased resampling by two with a FIR filter, [1, 3, 3, 1] unless told otherwise, in plain torch.

Written as separable sums of shifted slices: a convolution of one input channel over batch × channel
planes gives the same numbers several times slower, and far slower still in the backward pass. Where no gradient is
needed, on the CPU, channels_last features are halved several times faster by a convolution of each channel by itself,
and doubled by torch's bilinear interpolation.
Outside the feature map the signal is zero, so borders attenuate constants, as in the reference
(StyleGAN2's ``upfirdn2d``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

KERNEL = (1.0, 3.0, 3.0, 1.0)
"""The reference's, which has sums of slices of its own below; others go through ``_filtered``."""


def downsample(x: Tensor, kernel: Sequence[float] = KERNEL) -> Tensor:
    """Halve both axes: ``[B, C, H, W]`` -> ``[B, C, ceil(H/2), ceil(W/2)]``; the filter sums to 1.

    Args:
        kernel: along each axis, scaled to its sum. [1, 1] means over pairs.
    """
    if tuple(kernel) == KERNEL and _channelwise(x) and not (x.shape[2] % 2 or x.shape[3] % 2):
        return F.conv2d(x, _plane(x), stride=2, padding=1, groups=x.shape[1])
    x = _channels_last(x)
    if tuple(kernel) == KERNEL:
        return _channels_first(_down(_down(x, 1), 2))
    for dim in (1, 2):
        x = _filtered(x, dim, kernel, before=(len(kernel) - 1) // 2, after=(len(kernel) - 2) // 2, stride=2)
    return _channels_first(x)


def upsample(x: Tensor, kernel: Sequence[float] = KERNEL) -> Tensor:
    """Double both axes: ``[B, C, H, W]`` -> ``[B, C, 2H, 2W]``; the filter sums to 4.

    Args:
        kernel: as for ``downsample``. [1, 1] repeats every value.
    """
    if tuple(kernel) == KERNEL and _channelwise(x):
        return _interpolated(x)
    x = _channels_last(x)
    if tuple(kernel) == KERNEL:
        return _channels_first(_up(_up(x, 1), 2))
    for dim in (1, 2):
        stuffed = torch.stack((2 * x, torch.zeros_like(x)), dim=dim + 1).flatten(dim, dim + 1)
        x = _filtered(stuffed, dim, kernel, before=(len(kernel) + 1) // 2, after=(len(kernel) - 2) // 2, stride=1)
    return _channels_first(x)


def _channelwise(x: Tensor) -> bool:
    """Whether convolutions and interpolation of each channel by itself are the fastest way."""
    return not torch.is_grad_enabled() and x.device.type == "cpu"


def _interpolated(x: Tensor) -> Tensor:
    """``KERNEL`` doubles by linear interpolation; torch's repeats the border, where 3/4 are left of it."""
    y = F.interpolate(x, scale_factor=2, mode="bilinear")
    for dim in (2, 3):
        for border in (0, -1):
            y.select(dim, border).mul_(0.75)
    return y


def _plane(x: Tensor) -> Tensor:
    """``KERNEL`` along both axes, summing to 1, for each channel of ``x``: ``[C, 1, 4, 4]``."""
    taps = torch.tensor(KERNEL, dtype=x.dtype, device=x.device) / sum(KERNEL)
    return torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1).contiguous()


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _pad(x: Tensor, dim: int, after: int, before: int = 1) -> Tensor:
    """Zeros ``before`` and ``after`` along axis 1 or 2 of ``[B, H, W, C]``; less than none cuts."""
    return F.pad(x, [0, 0, 0, 0, before, after] if dim == 1 else [0, 0, before, after])


def _filtered(x: Tensor, dim: int, kernel: Sequence[float], *, before: int, after: int, stride: int) -> Tensor:
    """The convolution of padded ``x`` with the scaled ``kernel`` along ``dim``, every ``stride``-th value of it."""
    x = _pad(x, dim, after, before)
    length = (x.shape[dim] - len(kernel)) // stride + 1
    whole = sum(kernel)
    output = torch.zeros((), dtype=x.dtype, device=x.device)
    for start, weight in enumerate(reversed(kernel)):
        taken = slice(start, start + stride * (length - 1) + 1, stride)
        output = output + (x[:, taken] if dim == 1 else x[:, :, taken]) * (weight / whole)
    return output


def _down(x: Tensor, dim: int) -> Tensor:
    """Pad by one, then (x[0] + 3 x[1] + 3 x[2] + x[3]) / 8 at stride 2 along ``dim``."""
    size = x.shape[dim]
    length = (size + 1) // 2
    x = _pad(x, dim, 1 + size % 2)

    def tap(start: int) -> Tensor:
        taken = slice(start, start + 2 * length - 1, 2)
        return x[:, taken] if dim == 1 else x[:, :, taken]

    return torch.add(tap(0) + tap(3), tap(1) + tap(2), alpha=3.0) * 0.125


def _up(x: Tensor, dim: int) -> Tensor:
    """Even outputs (x[i-1] + 3 x[i]) / 4, odd outputs (3 x[i] + x[i+1]) / 4 along ``dim``."""
    size = x.shape[dim]
    padded = _pad(x, dim, 1)
    centre = x * 0.75
    even = torch.add(centre, padded.narrow(dim, 0, size), alpha=0.25)
    odd = torch.add(centre, padded.narrow(dim, 2, size), alpha=0.25)
    return torch.stack((even, odd), dim=dim + 1).flatten(dim, dim + 1)
