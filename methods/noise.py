"""The source of a method's Gaussian noise: a function that is passed down, so that tests can replay given noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

RandnLike = Callable[[Tensor], Tensor]
"""Draws standard (complex) Gaussian noise of a tensor's shape and type, on its device."""


def drawn_from(generator: torch.Generator) -> RandnLike:
    """Noise from a CPU generator, so that it is the same on every device."""

    def randn_like(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator).to(like.device)

    return randn_like
