"""``precision: auto``: half precision where the machine has it in hardware."""

from __future__ import annotations

from methods.devices import multiplies_bfloat16

HALF, SINGLE = "bf16-mixed", "32-true"


def resolve(precision: str, device: str = "auto") -> str:
    """``precision``, or for "auto" "bf16-mixed" where the device is known to multiply bfloat16, else "32-true"."""
    return precision if precision != "auto" else HALF if multiplies_bfloat16(device) else SINGLE
