"""Parameters and multiply-accumulates of what a method computes with torch, counted while it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch._ops import OpOverload
from torch.nn.modules import module as hooks
from torch.utils._python_dispatch import TorchDispatchMode

from bench.core.types import Audio

Enhance = Callable[[Audio], object]

WHOLE = frozenset(
    getattr(torch.ops.aten, name).vec
    for name in ("upsample_linear1d", "upsample_bilinear2d", "upsample_nearest1d", "upsample_nearest2d")
)
"""Operators without a formula that are run as they are: taken apart, interpolation is computed in another way, with
twice the memory of a network.
"""


def count(enhance: Enhance, noisy: Audio, seconds: float) -> dict[str, float]:
    """Parameters and multiply-accumulates of the torch modules that are called; empty if there are none.

    Multiply-accumulates are half of the floating-point operations that ``torch.utils.flop_counter`` has formulas for.
    """
    with _called() as modules, _Operations() as operations:
        enhance(noisy)
    parameters = {id(parameter): parameter.numel() for module in modules for parameter in module.parameters()}
    if not parameters:
        return {}
    found = {"parameters": float(sum(parameters.values()))}
    if operations.flops:
        found["macs_per_second"] = operations.flops / 2 / seconds
    return found


@contextmanager
def _called() -> Iterator[list[nn.Module]]:
    """The modules that are called in this context."""
    called: list[nn.Module] = []
    handle = hooks.register_module_forward_pre_hook(lambda module, _: called.append(module))
    try:
        yield called
    finally:
        handle.remove()


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the floating-point operations of torch's operators, as ``FlopCounterMode`` of ``torch.utils`` does.

    That also attributes them to modules, and finds out anew at each of thousands of calls whether an operator is made
    of others: networks of small maps, with many steps, took more than twice their time under it.

    Attributes:
        flops: so far.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from torch.utils.flop_counter import flop_registry  # a fifth of a second of a process

        self.flops = 0
        self._formulas: Mapping[Any, Callable[..., int]] = flop_registry
        self._basic: set[OpOverload] = set(WHOLE)

    def __torch_dispatch__(
        self, operator: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if operator not in self._basic:
            if not isinstance(operator, OpOverload):
                return NotImplemented
            with self:
                value = operator.decompose(*args, **given)
            if value is not NotImplemented:
                return value
            self._basic.add(operator)
        value = operator(*args, **given)
        if formula := self._formulas.get(operator._overloadpacket):
            self.flops += formula(*args, **given, out_val=value)
        return value
