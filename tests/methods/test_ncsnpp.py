"""NCSN++: sizes, shapes."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from methods.backbones import NCSNpp
from methods.backbones.blocks import ResBlock, conv
from methods.backbones.convert import from_reference, reference_shapes
from methods.backbones.fir import upsample
from methods.backbones.fused import NormSiLU, norm_act

SEVEN_LEVELS: dict[str, Any] = {
    "multipliers": (1, 1, 2, 2, 2, 2, 2),
    "blocks": 2,
    "attention_heights": (16,),
}


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({"inputs": 2}, 27_756_314),  # SGMSE+M; StoRM noisy and post_denoiser
        ({"inputs": 3}, 27_776_038),  # StoRM both
        ({"inputs": 1, "conditional": False}, 27_342_350),  # predictive
        ({"inputs": 2, **SEVEN_LEVELS}, 65_590_822),  # full NCSN++
        ({"inputs": 1, "conditional": False, **SEVEN_LEVELS}, 65_164_052),
        ({"inputs": 2, **SEVEN_LEVELS, "attention_heights": (), "pyramids": False}, 64_739_854),  # ncsnpp_48k
        ({"inputs": 2, "width": 96, "multipliers": (1, 2, 2, 1)}, 11_675_546),
        ({"inputs": 2, "width": 96, "multipliers": (1, 1, 1, 1)}, 5_216_762),
        ({"inputs": 1, "conditional": False, "width": 96, "multipliers": (1, 2, 2, 1)}, 11_440_526),
        ({"inputs": 1, "conditional": False, "width": 96, "multipliers": (1, 1, 1, 1)}, 4_985_582),
    ],
)
def test_parameter_counts_are_the_references(options: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        network = NCSNpp(**options)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_leftover_and_missing_weights_are_refused() -> None:
    network = NCSNpp(inputs=1, width=8, conditional=False)
    with pytest.raises(ValueError, match=r"output_layer\.weight is missing, .* and \d+ more"):
        from_reference({}, network)
    weights = {key: torch.zeros(shape) for key, shape in reference_shapes(network).items()}
    from_reference(weights, network)
    with pytest.raises(ValueError, match=r"^extra is not expected$"):
        from_reference({**weights, "extra": torch.zeros(1)}, network)
    with pytest.raises(ValueError, match=r"^output_layer\.bias has shape \[3\] instead of \[2\]$"):
        from_reference({**weights, "output_layer.bias": torch.zeros(3)}, network)


def test_a_conditional_network_needs_a_time() -> None:
    with pytest.raises(ValueError, match="time"):
        NCSNpp(width=8)(torch.zeros(1, 2, 8, 8, dtype=torch.complex64))


def test_output_scales_with_one_over_t_but_for_the_last_bias() -> None:
    network = NCSNpp(width=8).eval()
    torch.nn.init.zeros_(network.time1.weight)  # the embedding no longer depends on t
    torch.nn.init.zeros_(network.output.bias)
    for level in network.up:  # the taps are initialised to nearly nothing
        torch.nn.init.normal_(level.tap.weight, std=0.1)
    x = torch.randn(1, 2, 16, 16, dtype=torch.complex64)
    with torch.no_grad():
        half, whole = network(x, torch.tensor([0.5])), network(x, torch.tensor([1.0]))
    assert whole.abs().max() > 1e-3
    assert torch.allclose(half, 2 * whole, rtol=1e-5)


@pytest.mark.parametrize("size", [(256, 192), (2, 9000), (7, 5000)])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_norms_without_gradients_are_exact_on_large_maps(offset: float, size: tuple[int, int]) -> None:
    x = torch.randn(2, 16, *size).clamp(min=0) + offset
    norm = torch.nn.GroupNorm(4, 16, eps=1e-6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    exact = F.silu(F.group_norm(x.double(), 4, norm.weight.double(), norm.bias.double(), norm.eps))
    with torch.no_grad():
        ours = norm_act(norm, x.contiguous(memory_format=torch.channels_last))
    assert (ours - exact).abs().max() < 5e-6 * exact.abs().max()


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("shifts", [1, 2])
@pytest.mark.parametrize("gradients", [False, True])
def test_a_convolution_scales_and_shifts_as_passes_after_it_would(kernel: int, shifts: int, gradients: bool) -> None:
    layer = conv(8, 12, kernel)
    torch.nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    x, shift = torch.randn(2, 8, 6, 10), torch.randn(shifts, 12)
    with torch.set_grad_enabled(gradients):
        plain = F.conv2d(x, layer.weight, layer.bias, padding=kernel // 2)
        torch.testing.assert_close(layer(x), plain, rtol=1e-5, atol=1e-6)
        shifted = 0.5 * (plain + shift[:, :, None, None])
        torch.testing.assert_close(layer(x, 0.5, shift), shifted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("gradients", [False, True])
def test_an_upsampling_block_doubles_what_its_skip_carries_before_the_bias(gradients: bool) -> None:
    block = ResBlock(8, 12, 16, resample="up")
    torch.nn.init.zeros_(block.conv1.weight)
    assert block.skip is not None and block.skip.bias is not None and block.conv1.bias is not None
    torch.nn.init.normal_(block.skip.bias)
    torch.nn.init.normal_(block.conv1.bias)
    x = torch.randn(2, 8, 6, 10)
    with torch.set_grad_enabled(gradients):
        skipped = F.conv2d(upsample(x), block.skip.weight, block.skip.bias)
        expected = (skipped + block.conv1.bias[:, None, None]) / 2**0.5
        assert torch.allclose(block(x, None), expected, atol=1e-6)


def test_fused_gradients_equal_autograds() -> None:
    x = torch.randn(2, 16, 8, 12, requires_grad=True)
    weight, bias = torch.randn(16, requires_grad=True), torch.randn(16, requires_grad=True)
    upstream = torch.randn(2, 16, 8, 12)
    expected = torch.autograd.grad(F.silu(F.group_norm(x, 4, weight, bias, 1e-6)), (x, weight, bias), upstream)
    ours = torch.autograd.grad(NormSiLU.apply(x, weight, bias, 4, 1e-6), (x, weight, bias), upstream)
    for mine, autograds in zip(ours, expected, strict=True):
        assert torch.allclose(mine, autograds, rtol=1e-4, atol=1e-4)


def test_bfloat16_training_goes_down_the_same_slope() -> None:
    torch.manual_seed(0)
    network = NCSNpp(inputs=1, width=8, conditional=False)
    for level in network.up:
        torch.nn.init.normal_(level.tap.weight, std=0.1)
    x = torch.randn(2, 1, 16, 16, dtype=torch.complex64)
    slopes = []
    for enabled in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            network(x).abs().square().sum().backward()
        slopes.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    assert F.cosine_similarity(*slopes, dim=0) > 0.99
