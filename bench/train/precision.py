"""``precision: auto``: half precision where the machine has it in hardware."""

from __future__ import annotations

from pathlib import Path

import torch

_CPUINFO = Path("/proc/cpuinfo")
_IN_HARDWARE = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86, x86, ARM
HALF, SINGLE = "bf16-mixed", "32-true"


def resolve(precision: str, device: str = "auto") -> str:
    """``precision``, or for "auto" "bf16-mixed" where the device multiplies bfloat16 in hardware, else "32-true".

    Where it is only emulated it is slower than float32. Of CPUs it is known on Linux alone.
    """
    return precision if precision != "auto" else HALF if _multiplies_bfloat16(device) else SINGLE


def _multiplies_bfloat16(device: str) -> bool:
    if device != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if (device != "cpu" and torch.backends.mps.is_available()) or not _CPUINFO.is_file():
        return False
    lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return bool(_IN_HARDWARE & set(flags.split()))
