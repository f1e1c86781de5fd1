"""Speech enhancement methods behind one protocol; usable as a library on torch alone.

>>> from methods import create
>>> enhanced = create("storm").enhance(noisy, sample_rate=16000, steps=10, generator=0)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from methods.base import Enhanced, Method, create
    from methods.checkpoints import from_checkpoint
    from methods.names import METHODS

__all__ = ["METHODS", "Enhanced", "Method", "create", "from_checkpoint"]

_HOMES = {
    "METHODS": "methods.names",
    **dict.fromkeys(("Enhanced", "Method", "create"), "methods.base"),
    "from_checkpoint": "methods.checkpoints",
}


def __getattr__(name: str) -> Any:
    """What the package offers, imported when it is asked for: names alone need no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'methods' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
