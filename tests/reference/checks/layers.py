"""Single layers: the same weights on the same features."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from methods.backbones.blocks import Attention, FourierFeatures, ResBlock
from methods.backbones.convert import _ATTENTION, _RES_BLOCK
from methods.backbones.fir import downsample, upsample
from tests.reference.golden import Comparison, Golden, reproduces


def load(layer: nn.Module, golden: Golden, names: dict[str, str]) -> nn.Module:
    """The layer with the file's parameters, some of which the reference stores transposed."""
    state = {}
    for key, value in golden.arrays().items():
        if key.startswith("param/"):
            theirs, kind = key.removeprefix("param/").split(".")
            if theirs.startswith("NIN"):
                kind = {"W": "weight", "b": "bias"}[kind]
            name = f"{names[theirs]}.{kind}"
            state[name] = value.T[:, :, None, None] if theirs.startswith("NIN") and value.ndim == 2 else value
    layer.load_state_dict(state, strict=False)
    given = {key for key, _ in layer.named_parameters()} - state.keys()
    assert all(key.startswith("time") for key in given), given  # a block that is told no time
    return layer.eval()


@reproduces("layers/resblock_*.npz", tolerance=2e-6)
def residual_block(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.arrays()
    out, channels = arrays["param/Conv_0.weight"].shape[:2]
    way = golden.tag.removeprefix("resblock_")
    block = load(ResBlock(channels, out, 32, way if way in ("up", "down") else None), golden, _RES_BLOCK)
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            yield from golden.compare(out=block(arrays["in0"].clone(), arrays.get("in1")))


@reproduces("layers/attn_*.npz", tolerance=2e-6)
def attention(golden: Golden) -> Iterator[Comparison]:
    x = golden.arrays()["in0"]
    yield from golden.compare(out=load(Attention(x.shape[1]), golden, _ATTENTION)(x))


@reproduces("layers/combine_*.npz", tolerance=2e-6)
def pyramid_joined_by_addition(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.arrays()
    combine = load(nn.ModuleDict({"conv": nn.Conv2d(4, 8, 1)}), golden, {"Conv_0": "conv"})["conv"]  # type: ignore[index]
    yield from golden.compare(out=combine(arrays["in0"]) + arrays["in1"])


@reproduces("layers/nin_*.npz", tolerance=2e-6)
def linear_map_of_every_position(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.arrays()
    layer = nn.Conv2d(8, 5, 1)
    layer.load_state_dict({"weight": arrays["param/W"].T[:, :, None, None], "bias": arrays["param/b"]})
    yield from golden.compare(out=layer(arrays["in0"]))


@reproduces("layers/fourier_*.npz", tolerance=1e-6)
def fourier_features(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.arrays()
    layer = FourierFeatures(len(arrays["param/W"]))
    layer.load_state_dict({"weight": arrays["param/W"]})
    yield from golden.compare(out=layer(arrays["in0"]))


@reproduces("layers/fir_resample.npz", tolerance=1e-6)
def resampling(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.arrays()
    x, odd = arrays["x"], arrays["x_odd"]
    # The reference leaves out what an odd size has left over after the last pair.
    down_odd = downsample(odd)[..., : odd.shape[-2] // 2, : odd.shape[-1] // 2]
    yield from golden.compare(up=upsample(x), down=downsample(x), up_odd=upsample(odd), down_odd=down_odd)
    small, large = torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 8, 8)
    small[..., 2, 2] = large[..., 3, 3] = 1
    yield from golden.compare(impulse_up=upsample(small), impulse_down=downsample(large))
    yield from golden.compare(ones_up=upsample(torch.ones(1, 1, 4, 4)), ones_down=downsample(torch.ones(1, 1, 8, 8)))
