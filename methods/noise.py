"""The source of a method's Gaussian noise: a function that is passed down, so that tests can replay given noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

RandnLike = Callable[[Tensor], Tensor]
"""Draws standard (complex) Gaussian noise of a tensor's shape and type, on its device."""


def drawn_from(*generators: torch.Generator) -> RandnLike:
    """Noise for ``[B, ...]``, item by item from CPU generators: the same alone, in a batch and on every device."""

    def randn_like(like: Tensor) -> Tensor:
        # Pinned memory is copied to a GPU while the CPU goes on.
        pinned = like.device.type == "cuda"
        items = [
            torch.randn((1, *like.shape[1:]), dtype=like.dtype, generator=generator, pin_memory=pinned)
            for generator in generators
        ]
        return _joined([item.to(like.device, non_blocking=pinned) for item in items])

    return randn_like


def _joined(items: Sequence[Tensor]) -> Tensor:
    return items[0] if len(items) == 1 else torch.cat(list(items))
