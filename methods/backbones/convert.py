"""Weights of the reference implementations onto ours, by name.

The reference walks one flat list ``all_modules`` by a running index; here every module has
a name. This is the one place that knows both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from methods.backbones.base import Backbone
from methods.backbones.blocks import Attention, ResBlock
from methods.backbones.ncsnpp import DownLevel, NCSNpp, UpLevel

_RES_BLOCK = {
    "GroupNorm_0": "norm0",
    "Conv_0": "conv0",
    "Dense_0": "time",
    "GroupNorm_1": "norm1",
    "Conv_1": "conv1",
    "Conv_2": "skip",
}
_ATTENTION = {"GroupNorm_0": "norm", "NIN_0": "query", "NIN_1": "key", "NIN_2": "value", "NIN_3": "out"}


def from_reference(weights: Mapping[str, Tensor], network: NCSNpp) -> dict[str, Tensor]:
    """The state dict for ``network`` from a reference network's (keys without the ``dnn.`` prefix), in float32.

    Raises:
        ValueError: a weight is missing, left over or shaped otherwise; the first few are named.
    """
    if wrong := differences(weights, network):
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(", ".join(wrong[:3]) + more)
    # NIN stores [in, out], where a convolution has [out, in, 1, 1].
    return {
        ours: (weights[reference].T.reshape(shape) if is_nin(reference) else weights[reference]).to(torch.float32)
        for reference, ours, shape in pairs(network)
    }


def renamed(weights: Mapping[str, Tensor], network: Backbone) -> dict[str, Tensor]:
    """The state dict for a ``network`` whose class says what the reference calls its weights, in float32.

    Raises:
        ValueError: a weight is missing, left over or shaped otherwise; the first few are named.
    """
    ours = {network.renamed(key): (key, tensor) for key, tensor in weights.items()}
    expected = {key: tensor.shape for key, tensor in network.state_dict().items()}
    wrong = [
        *(f"{key} is missing" for key in expected if key not in ours),
        *(f"{theirs} is not expected" for key, (theirs, _) in ours.items() if key not in expected),
        *(
            f"{ours[key][0]} has shape {list(ours[key][1].shape)} instead of {list(shape)}"
            for key, shape in expected.items()
            if key in ours and ours[key][1].shape != shape
        ),
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(", ".join(wrong[:3]) + more)
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, (_, tensor) in ours.items()}


def reference_shapes(network: NCSNpp) -> dict[str, tuple[int, ...]]:
    """The reference's keys for ``network``, in its order, and their shapes there."""
    return {
        reference: (shape[1], shape[0]) if is_nin(reference) else tuple(shape) for reference, _, shape in pairs(network)
    }


def differences(weights: Mapping[str, Tensor], network: NCSNpp) -> list[str]:
    """In what a reference network's ``weights`` are not those of ``network``; empty where they are."""
    expected = reference_shapes(network)
    return [
        *(f"{key} is missing" for key in expected if key not in weights),
        *(f"{key} is not expected" for key in weights if key not in expected),
        *(
            f"{key} has shape {list(weights[key].shape)} instead of {list(shape)}"
            for key, shape in expected.items()
            if key in weights and tuple(weights[key].shape) != shape
        ),
    ]


def is_nin(reference: str) -> bool:
    """Whether this is the matrix of one of the reference's per-pixel linear maps."""
    return ".NIN_" in reference and reference.endswith(".W")


def pairs(network: NCSNpp) -> Iterator[tuple[str, str, torch.Size]]:
    """(reference key, our key, our shape) for every weight of ``network``."""
    shapes = {name: parameter.shape for name, parameter in network.named_parameters()}
    yield from ((f"output_layer.{kind}", f"output.{kind}", shapes[f"output.{kind}"]) for kind in ("weight", "bias"))
    modules = dict(network.named_modules())
    for index, name in enumerate(_order(network)):
        prefix = f"{name}."
        for ours in (key for key in shapes if key.startswith(prefix)):
            yield f"all_modules.{index}.{_inner(modules[name], ours.removeprefix(prefix), name)}", ours, shapes[ours]


def _inner(module: torch.nn.Module, parameter: str, name: str) -> str:
    if name == "fourier":
        return "W"
    if name.endswith("combine"):
        return f"Conv_0.{parameter}"
    if not isinstance(module, ResBlock | Attention):
        return parameter
    names = _RES_BLOCK if isinstance(module, ResBlock) else _ATTENTION
    layer, kind = parameter.split(".")
    theirs = next(key for key, value in names.items() if value == layer)
    if theirs.startswith("NIN"):
        kind = {"weight": "W", "bias": "b"}[kind]
    return f"{theirs}.{kind}"


def _order(network: NCSNpp) -> Iterator[str]:
    """Our modules' names in the order of the reference's flat list."""
    yield "fourier"
    if network.conditional:
        yield from ("time0", "time1")
    yield "input"
    for level, down in enumerate(network.down):
        assert isinstance(down, DownLevel)
        for index, attention in enumerate(down.attentions):
            yield f"down.{level}.blocks.{index}"
            if isinstance(attention, Attention):
                yield f"down.{level}.attentions.{index}"
        if down.downsampling is not None:
            yield f"down.{level}.downsampling"
        if down.combine is not None:
            yield f"down.{level}.combine"
    yield from ("middle0", "middle_attention", "middle1")
    for level, up in enumerate(network.up):
        assert isinstance(up, UpLevel)
        yield from (f"up.{level}.blocks.{index}" for index in range(len(up.blocks)))
        if isinstance(up.attention, Attention):
            yield f"up.{level}.attention"
        if up.tap is not None:
            yield from (f"up.{level}.norm", f"up.{level}.tap")
        if up.upsampling is not None:
            yield f"up.{level}.upsampling"
