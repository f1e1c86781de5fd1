"""The device that a method runs on."""

from __future__ import annotations

import torch

from bench.core.errors import UserError


def resolve(device: str) -> torch.device:
    """The device of that name; "auto" is a GPU if there is one.

    Raises:
        UserError: the name is invalid, or the device is not available here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise UserError(f"device={device!s:.40}: no kind of device; one of auto, cpu, cuda, cuda:1, ...") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={device}: no CUDA device here; use device=cpu")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device={device}: there are {torch.cuda.device_count()} CUDA devices here, from cuda:0")
    return found
