"""Which device a method runs on."""

from __future__ import annotations

import torch

from bench.core.errors import UserError


def resolve(device: str) -> torch.device:
    """The device of that name; "auto" is a GPU where there is one.

    Raises:
        UserError: a CUDA device is asked for where there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device={device}: no CUDA device here; use device=cpu")
    return torch.device(device)
