"""Resampling by two against the convolution it stands for."""

import pytest
import torch
import torch.nn.functional as F

from methods.backbones.fir import downsample, upsample

KERNEL = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def planes(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(0, 1).unsqueeze(1)


@pytest.mark.parametrize("size", [(8, 8), (7, 8), (8, 5), (1, 1), (2, 3)])
def test_downsample_is_the_strided_convolution(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    padded = F.pad(planes(x), (1, 1 + size[1] % 2, 1, 1 + size[0] % 2))
    expected = F.conv2d(padded, KERNEL.double()[None, None], stride=2)
    assert torch.allclose(planes(downsample(x)), expected, atol=1e-12)


@pytest.mark.parametrize("size", [(4, 4), (3, 5), (1, 1)])
def test_upsample_is_the_convolution_of_the_zero_stuffed_map(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    stuffed = torch.zeros(2, 3, 2 * size[0], 2 * size[1], dtype=torch.float64)
    stuffed[:, :, ::2, ::2] = x
    expected = F.conv2d(F.pad(planes(stuffed), (2, 1, 2, 1)), 4 * KERNEL.double()[None, None])
    assert torch.allclose(planes(upsample(x)), expected, atol=1e-12)


@pytest.mark.parametrize("size", [(8, 8), (7, 8), (8, 5), (1, 1), (64, 32)])
@pytest.mark.parametrize(
    ("precision", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 0.04)]
)
def test_without_gradients_another_way_gives_the_same(
    size: tuple[int, int], precision: torch.dtype, tolerance: float
) -> None:
    x = torch.randn(2, 6, *size).to(precision)
    for given in (x, x.to(memory_format=torch.channels_last)):
        for resampled in (downsample, upsample):
            with torch.inference_mode():
                ours = resampled(given)
            assert ours.dtype == precision
            assert torch.allclose(ours, resampled(given), atol=tolerance)


def test_the_inside_of_a_constant_stays_constant() -> None:
    ones = torch.ones(1, 1, 16, 16)
    assert torch.allclose(downsample(ones)[..., 1:-1, 1:-1], torch.ones(6, 6))
    assert torch.allclose(upsample(ones)[..., 1:-1, 1:-1], torch.ones(30, 30))


def test_channels_last_stays_channels_last() -> None:
    x = torch.randn(2, 8, 16, 16).to(memory_format=torch.channels_last)
    for y in (downsample(x), upsample(x)):
        assert y.is_contiguous(memory_format=torch.channels_last)
