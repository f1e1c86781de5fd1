"""An activation of GroupNorm(x), where torch's own is slow or rough on the CPU.

That is: with gradients in bfloat16, without in float32. torch's GroupNorm backward walks bfloat16 feature
maps element by element; the same gradients from whole-tensor passes, for SiLU, take a third of the time,
which was a third of a training step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "swish": F.silu,
    "elu": F.elu,
    "relu": F.relu,
    "lrelu": partial(F.leaky_relu, negative_slope=0.2),
}
"""The reference's, by its names."""


def worthwhile(x: Tensor) -> bool:
    """Whether ``NormSiLU`` beats torch's own backward for ``x``."""
    return torch.is_grad_enabled() and x.dtype == torch.bfloat16 and x.device.type == "cpu"


class NormSiLU(torch.autograd.Function):
    """``apply(x [B, C, H, W], weight [C], bias [C], groups, eps)``; statistics in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
        b, c, h, w = x.shape
        x = x.contiguous(memory_format=torch.channels_last)
        normed, mean, rstd = torch.native_group_norm(x, weight, bias, b, c, h * w, groups, eps)
        ctx.save_for_backward(x, normed, weight, mean.float(), rstd.float())
        ctx.groups = groups
        return F.silu(normed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, normed, weight, mean, rstd = ctx.saved_tensors
        b, c, h, w = x.shape
        size = c // ctx.groups

        def spread(values: Tensor) -> Tensor:  # [B, groups] -> [B, C]
            return values.repeat_interleave(size, dim=1)

        def group_mean(values: Tensor) -> Tensor:  # [B, C] sums over positions -> [B, C]
            return spread(values.view(b, ctx.groups, size).sum(2) / (size * h * w))

        def rows(features: Tensor) -> Tensor:  # channels_last [B, C, H, W] -> its memory as [B, H, W * C]
            return features.permute(0, 2, 3, 1).reshape(b, h, w * c)

        def row(values: Tensor) -> Tensor:  # [B, C] -> [B, 1, W * C]: long rows vectorise, single pixels do not
            return values.to(x.dtype).repeat(1, w).unsqueeze(1)

        mean, rstd = spread(mean), spread(rstd)
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        inner = torch.ops.aten.silu_backward(gradient, normed)
        d_bias = inner.sum((2, 3), dtype=torch.float32)
        d_weight = ((inner * x).sum((2, 3), dtype=torch.float32) - d_bias * mean) * rstd
        # dx = rstd (w dy - mean(w dy) - xhat mean(w dy xhat)), gathered into a x + b dy + constant.
        along = -rstd * rstd * group_mean(d_weight * weight)
        constant = -along * mean - rstd * group_mean(d_bias * weight)
        dx = torch.addcmul(row(constant), rows(x), row(along)).addcmul_(rows(inner), row(rstd * weight))
        dx = dx.view(b, h, w, c).permute(0, 3, 1, 2)
        return dx, d_weight.sum(0), d_bias.sum(0), None, None


def rough(x: Tensor) -> bool:
    """Whether torch's GroupNorm is too rough for ``x``.

    On the CPU it adds up channels_last feature maps in single precision one position after the other:
    of a map of 256 x 192 the output is wrong by 1e-4, and so is the network's. The compiler's is not.
    """
    exact = torch.is_grad_enabled() or torch.compiler.is_compiling()
    return not exact and x.dtype == torch.float32 and x.device.type == "cpu"


POSITIONS = 4096
"""So many are added up at a time: little enough to be exact, and to be in the cache when the variance reads them."""


def moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel of ``[B, C, H, W]`` in parts of each map, and the parts' shares of the map.

    Returns:
        ``[B, parts, C]`` each, and ``[parts]``, which sum to 1.
    """
    b, c, h, w = x.shape
    bands = (band for one in x.chunk(len(x)) for band in one.chunk(-(-h // max(1, POSITIONS // w)), 2))
    parts = [part for band in bands for part in band.chunk(-(-w // POSITIONS), 3)]
    found = [value for part in parts for value in torch.batch_norm_update_stats(part, None, None, 0.0)]
    means, variances = torch.stack(found).view(b, -1, 2, c).unbind(2)
    sizes = [part.shape[2] * part.shape[3] for part in parts[: len(parts) // b]]
    return means, variances, torch.tensor(sizes, dtype=x.dtype) / (h * w)


def group_norm(norm: torch.nn.GroupNorm, x: Tensor) -> Tensor:
    """norm(x) to 1e-6; a fresh tensor."""
    b, c, _, _ = x.shape
    groups = norm.num_groups
    means, variances, shares = moments(x)

    def group_mean(values: Tensor) -> Tensor:  # [B, parts, C] -> [B, groups, 1]
        return (shares @ values).view(b, groups, -1).mean(2, keepdim=True)

    mean = group_mean(means)
    apart = means - mean.expand(b, groups, c // groups).reshape(b, 1, c)
    variance = group_mean(variances + apart.square_())
    scale = torch.rsqrt(variance + norm.eps) * norm.weight.view(groups, -1)
    shift = norm.bias.view(groups, -1) - mean * scale
    return torch.addcmul(shift.view(b, c, 1, 1), x, scale.view(b, c, 1, 1))


def norm_act(norm: torch.nn.GroupNorm, x: Tensor, activation: str = "swish") -> Tensor:
    """activation(norm(x)), in place on the fresh tensor where no gradient needs it."""
    if activation == "swish" and worthwhile(x):
        output: Tensor = NormSiLU.apply(x, norm.weight, norm.bias, norm.num_groups, norm.eps)  # type: ignore[no-untyped-call]
        return output
    normed = group_norm(norm, x) if rough(x) else norm(x)
    if activation == "swish":
        return F.silu(normed, inplace=not torch.is_grad_enabled())
    return ACTIVATIONS[activation](normed)
