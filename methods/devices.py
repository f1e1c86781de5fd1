"""The device that a method runs on."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.core.errors import UserError

_CPUINFO = Path("/proc/cpuinfo")
_IN_HARDWARE = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86, x86, ARM


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


def multiplies_bfloat16(device: str = "auto") -> bool | None:
    """Whether the device multiplies bfloat16 in hardware; None where that is not known, as of CPUs outside Linux.

    Where it is only emulated, it is slower than float32.
    """
    if device != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if (device != "cpu" and torch.backends.mps.is_available()) or not _CPUINFO.is_file():
        return None
    lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return bool(_IN_HARDWARE & set(flags.split()))
