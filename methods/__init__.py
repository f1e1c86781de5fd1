"""Speech enhancement methods with a common interface; usable as a library that needs only torch.

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
    """Import the package's contents on first access: the names alone do not need torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'methods' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
