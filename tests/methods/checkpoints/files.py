"""Writing files as the reference's training does, for tests."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from methods.backbones import NCSNpp
from methods.backbones.convert import is_nin, pairs
from methods.checkpoints.unpickling import DataModule

GOLDEN = Path(__file__).resolve().parents[2] / "golden"

STORM = {"spatial_channels": 1, "spec_factor": 0.33, "spec_abs_exponent": 0.5, "sde": "ouve", "sde_n": 1000}
SGMSE = {"backbone": "ncsnpp", "sde": "ouve", "N": 30, "loss_type": "score_matching", "transform_type": "exponent"}
LARGE: dict[str, Any] = {"multipliers": [1, 1, 2, 2, 2, 2, 2], "blocks": 2, "attention_heights": [16]}
"""Hyper-parameters that the two projects write, and the full network's sizes."""


def write(path: Path, content: Mapping[str, Any]) -> Path:
    """Save ``content`` with a reference to the data module's class, which a pickle may name only where it exists."""
    package, module = ModuleType("sgmse"), ModuleType("sgmse.data_module")
    module.SpecsDataModule = DataModule  # type: ignore[attr-defined]
    sys.modules.update({"sgmse": package, "sgmse.data_module": module})
    try:
        torch.save(dict(content), path)
    finally:
        del sys.modules["sgmse"], sys.modules["sgmse.data_module"]
    return path


def to_reference(network: NCSNpp) -> dict[str, Tensor]:
    """Our ``network``'s weights under the reference's keys, in its order: the inverse of ``from_reference``."""
    state = network.state_dict()
    return {
        reference: state[ours].flatten(1).T.contiguous() if is_nin(reference) else state[ours].contiguous()
        for reference, ours, _ in pairs(network)
    }


def lightning(networks: Mapping[str, NCSNpp], averages: Mapping[str, NCSNpp], **settings: Any) -> dict[str, Any]:
    """The content of a Lightning checkpoint.

    Args:
        networks: raw and averaged, by prefix ("dnn"; or "denoiser_net" and "score_net").
        settings: hyper-parameters.
    """
    raw, mean = (
        {f"{prefix}.{key}": tensor for prefix, net in nets.items() for key, tensor in to_reference(net).items()}
        for nets in (networks, averages)
    )
    return {
        "epoch": 3,
        "global_step": 7,
        "pytorch-lightning_version": "1.8.3",
        "state_dict": raw,
        "optimizer_states": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"data_module_cls": DataModule, **settings},
        "ema": {"decay": 0.999, "num_updates": 7, "shadow_params": list(mean.values()), "collected_params": None},
    }


def network(**size: Any) -> NCSNpp:
    """A small one with random weights everywhere."""
    made = NCSNpp(**{"width": 4, **size})
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.1)
    return made


def denoiser(**size: Any) -> NCSNpp:
    return network(inputs=1, conditional=False, **size)
