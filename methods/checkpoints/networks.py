"""The sizes of reference networks that are no NCSN++, from their weights and, where those do not show, the settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from bench.core.errors import UserError
from methods.checkpoints.architecture import Sizes, all_sizes
from methods.checkpoints.lightning import Checkpoint
from methods.checkpoints.settings import FileSettings


def convtasnet(weights: Mapping[str, Tensor], settings: FileSettings) -> Sizes:
    """Of StoRM's ``convtasnet``, whose output is not cut."""
    blocks = 1 + _last(weights, r"TCN\.TCN\.(\d+)\.")
    layers = settings.whole("layer", 8, 1, 64)
    stacks = settings.whole("stack", 3, 1, 64)
    if layers * stacks != blocks:
        settings.refuse(
            "layer", f"trained with layer={layers} and stack={stacks}, but its weights are of {blocks} blocks"
        )
    causal = "TCN.LN.gain" in weights
    settings.one_of("causal", causal, (causal,))
    return {
        "backbone": "convtasnet",
        "filters": weights["encoder.weight"].shape[0],
        "channels": weights["TCN.BN.weight"].shape[0],
        "hidden": weights["TCN.TCN.0.conv1d.weight"].shape[0],
        "layers": layers,
        "stacks": stacks,
        "causal": causal,
        "aligned": False,
        "inputs": 1,
        "conditional": False,
    }


def gagnet(weights: Mapping[str, Tensor], settings: FileSettings) -> Sizes:
    """Of StoRM's ``gagnet``."""
    for key, only in (
        *(("cin", 2), ("k1", [2, 3]), ("k2", [1, 3]), ("kd1", 3), ("is_u2", True), ("causal", False)),
        *(("is_squeezed", False), ("acti_type", "sigmoid"), ("intra_connect", "cat"), ("norm_type", "IN")),
    ):
        settings.one_of(key, only, (only, str(tuple(only))) if isinstance(only, list) else (only,))
    per_group = 1 + _last(weights, r"gags\.0\.glance_block\.tcn_g\.0\.tcns\.(\d+)\.")
    dilations = [int(d) for d in settings.numbers("dilas", (1, 2, 5, 9), most=64)]
    if len(dilations) != per_group:
        settings.refuse("dilas", f"trained with dilas={dilations}, but its weights are of {per_group} dilations")
    return {
        "backbone": "gagnet",
        "bins": weights["gags.0.glance_block.linear_g.0.weight"].shape[0],
        "channels": weights["en.meta_unet_list.0.in_conv.0.conv.1.weight"].shape[0] // 2,
        "hidden": weights["gags.0.glance_block.tcn_g.0.tcns.0.in_conv.weight"].shape[0],
        "groups": 1 + _last(weights, r"gags\.0\.glance_block\.tcn_g\.(\d+)\."),
        "dilations": dilations,
        "stages": 1 + _last(weights, r"gags\.(\d+)\."),
        "inputs": 1,
        "conditional": False,
    }


def dcunet(weights: Mapping[str, Tensor], settings: FileSettings) -> Sizes:
    """Of SGMSE's ``dcunet``; the defaults are its constructor's, the first paper's."""
    for key, only in (
        *(("dcunet_time_embedding", "gfp"), ("dcunet_temb_layers_local", 1), ("dcunet_temb_activation", "silu")),
        *(("dcunet_time_embedding_complex", False), ("dcunet_fix_length", "pad"), ("dcunet_mask_bound", "none")),
        ("dcunet_norm_type", "bN"),
    ):
        settings.one_of(key, only, (only,))
    architecture = str(settings.value("dcunet_architecture", "DilDCUNet-v2"))
    if not architecture.startswith("DilDCUNet-v2"):
        told = f"trained with dcunet_architecture={architecture:.40}; what is read is DilDCUNet-v2"
        settings.refuse("dcunet_architecture", told)
    settings.value("embed_dim")
    return {
        "backbone": "dcunet",
        "inputs": weights["encoders.0.conv.re_module.weight"].shape[1],
        "width": weights["encoders.0.conv.re_module.weight"].shape[0],
        "embedding": weights["embed.1.re.weight"].shape[0],
        "global_layers": (1 + _last(weights, r"embed\.(\d+)\.")) // 2,
        "activation": settings.one_of("dcunet_activation", "relu", ("relu", "leaky_relu", "silu")),
        "conditional": True,
    }


NETWORKS: dict[str, Callable[[Mapping[str, Tensor], FileSettings], Sizes]] = {
    "convtasnet": convtasnet,
    "gagnet": gagnet,
    "dcunet": dcunet,
}
"""By what the reference projects call these networks."""
PREDICTIVE = ("convtasnet", "gagnet")
"""Those that take no diffusion time."""


def network_sizes(settings: FileSettings, checkpoint: Checkpoint, names: Mapping[str, str]) -> dict[str, Sizes]:
    """What the weights of each network say of its sizes.

    Args:
        names: what the file calls each network's kind, by its prefix.

    Raises:
        UserError: they are not those of such a network.
    """
    prefixes = checkpoint.shapes()
    found = all_sizes(checkpoint.path, {prefix: prefixes[prefix] for prefix in names if names[prefix] not in NETWORKS})
    prefix = ""
    try:
        for prefix in names.keys() - found.keys():
            found[prefix] = NETWORKS[names[prefix]](prefixes[prefix], settings)
    except (KeyError, IndexError) as error:
        told = f"its network '{prefix}' does not fit: no weight of a {names[prefix]} is called {error}"
        raise UserError(f"{checkpoint.path}: {told}") from error
    return {prefix: found[prefix] for prefix in names}


def _last(weights: Mapping[str, Tensor], pattern: str) -> int:
    """The largest index in the names that match ``pattern``.

    Raises:
        KeyError: none does.
    """
    found = [int(match[1]) for name in weights if (match := re.match(pattern, name))]
    if not found:
        raise KeyError(pattern)
    return max(found)
