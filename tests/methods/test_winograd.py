"""Wide convolutions in float32 are fewer multiplications, and the same numbers but for rounding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods.backbones import winograd
from methods.backbones.blocks import conv

TOLERANCE = 1e-5
"""Of the peak, as for the reference's networks."""


def apart(ours: Tensor, exact: Tensor) -> float:
    return float((ours - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize("size", [(4, 8), (12, 16), (winograd.ROWS + 4, 8), (2 * winograd.ROWS, 4)])
@pytest.mark.parametrize("bias", [False, True])
def test_it_is_a_convolution_to_the_borders_and_over_bands_of_rows(size: tuple[int, int], bias: bool) -> None:
    x, weight = torch.randn(2, 8, *size), torch.randn(12, 8, 3, 3)
    shift = torch.randn(12) if bias else None
    exact = F.conv2d(x.double(), weight.double(), None if shift is None else shift.double(), padding=1)
    with torch.no_grad():
        ours = winograd.conv2d(x.contiguous(memory_format=torch.channels_last), weight, shift)
    assert apart(ours, exact) < TOLERANCE and ours.is_contiguous(memory_format=torch.channels_last)


def test_wide_layers_without_gradients_use_it_and_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    used = list[bool]()
    real = winograd.conv2d

    def noted(*given: Tensor) -> Tensor:
        used.append(True)
        return real(*given)

    monkeypatch.setattr(winograd, "conv2d", noted)
    layer = conv(256, 256)
    torch.nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    x, shift = torch.randn(1, 256, 64, 64).contiguous(memory_format=torch.channels_last), torch.randn(1, 256)
    with torch.no_grad():
        ours = layer(x, 0.5, shift)
        assert used == [True]
        exact = F.conv2d(x.double(), layer.weight.double(), layer.bias.double(), padding=1) + shift[:, :, None, None]
    assert apart(ours, 0.5 * exact) < TOLERANCE
    layer(x[:, :, :32])
    assert used == [True]


@pytest.mark.parametrize(
    ("size", "channels", "kernel", "precision"),
    [
        ((64, 66), 256, 3, torch.float32),  # no whole tiles
        ((32, 64), 256, 3, torch.float32),  # a small map
        ((64, 64), 128, 3, torch.float32),  # narrow
        ((64, 64), 256, 1, torch.float32),
        ((64, 64), 256, 3, torch.bfloat16),  # which rounds too roughly
    ],
)
def test_where_it_does_not_pay_plain_convolutions_are_used(
    size: tuple[int, int], channels: int, kernel: int, precision: torch.dtype
) -> None:
    weight = torch.empty(256, channels, kernel, kernel, dtype=precision)
    with torch.no_grad():
        assert not winograd.worthwhile(torch.empty(1, channels, *size, dtype=precision), weight)
