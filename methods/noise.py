"""Where a method's Gaussian noise comes from: a function that is handed down, so that tests can replay some."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

RandnLike = Callable[[Tensor], Tensor]
"""Draws standard (complex) Gaussian noise of a tensor's shape and type, on its device."""


def drawn_from(generator: torch.Generator) -> RandnLike:
    """Noise from a generator of the CPU, so that every device gets the same."""

    def randn_like(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator).to(like.device)

    return randn_like
