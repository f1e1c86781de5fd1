"""A network's weights without memory for them, to compare what a file says of it with the file before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from methods.backbones.base import Backbone, build

SLACK = 64
"""So many weights may be missing of any network: that is said by their names."""


def outline(size: Mapping[str, Any], tensors: int) -> Backbone:
    """The network that ``size`` describes, on PyTorch's meta device: names and shapes, nothing behind them.

    Args:
        tensors: how many weights there are for it.

    Raises:
        ValueError: it has more than twice as many. Building stops there, however many levels ``size`` asks for.
    """
    left = 2 * tensors + SLACK

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal left
        left -= parameter is not None
        if left < 0:
            raise ValueError(f"it would have more than the {tensors} weights that there are for it")

    if any(isinstance(value, list | tuple) and len(value) > tensors for value in size.values()):
        raise ValueError(f"one of its options is longer than the {tensors} weights that there are for it")
    handle = register_module_parameter_registration_hook(count)
    try:
        with torch.device("meta"):
            return build(size)
    finally:
        handle.remove()
