"""Network function evaluations (NFE): counted where networks are called, never computed from N.

A method counts its own with ``count_calls`` and hands the total to ``Enhanced.nfe``::

    with count_calls(self.network) as calls:
        ...
    return Enhanced(audio, nfe=calls.total)

What is built on ``methods.spectral`` has this done for all its networks.
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
    """Count forward passes of ``networks`` while the block runs; one of a batch is one."""
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
    """Count the calls of every module with weights in the process that no other such call is inside of.

    What a method's own count is compared with: it knows nothing of the method.
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
