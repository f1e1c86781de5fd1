"""Network function evaluations (NFE): counted where networks are called, never computed from N.

A method counts its own with ``count_calls`` and stores the total in ``Enhanced.nfe``::

    with count_calls(self.network) as calls:
        ...
    return Enhanced(audio, nfe=calls.total)

Methods based on ``methods.spectral`` get this for all their networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules import module as hooks


@dataclass
class Calls:
    """A count of network calls."""

    total: int = 0


@contextmanager
def count_calls(*networks: nn.Module) -> Iterator[Calls]:
    """Count forward passes of ``networks`` while the block runs; a batch counts once."""
    calls = Calls()

    def count(*_: Any) -> None:
        calls.total += 1

    handles = [network.register_forward_pre_hook(count) for network in networks]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def count_all_calls() -> Iterator[Calls]:
    """Count the outermost calls of modules with weights in this process.

    Independent of the method; its own count is compared with this one.
    """
    calls, depth = Calls(), 0

    def enter(module: nn.Module, *_: Any) -> None:
        nonlocal depth
        if next(module.parameters(), None) is not None:
            calls.total += not depth
            depth += 1

    def leave(module: nn.Module, *_: Any) -> None:
        nonlocal depth
        depth -= next(module.parameters(), None) is not None

    handles = [
        hooks.register_module_forward_pre_hook(enter),
        hooks.register_module_forward_hook(leave, always_call=True),
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
