"""Long recordings in overlapping pieces, since a network's memory grows with their length."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from bench.core.types import Audio

OVERLAP_SECONDS = 1.0
"""The length of a cross-fade between two pieces."""


def cut(samples: int, longest: int, overlap: int) -> list[slice]:
    """Pieces of equal length, each at most ``longest``, neighbours sharing at least ``overlap``; one if that is enough.

    Raises:
        ValueError: ``longest`` is not more than twice the overlap.
    """
    if longest <= 2 * overlap:
        raise ValueError(f"pieces of {longest} samples cannot overlap by {overlap}")
    if samples <= longest:
        return [slice(0, samples)]
    count = math.ceil((samples - overlap) / (longest - overlap))
    length = math.ceil((samples + (count - 1) * overlap) / count)
    starts = [round(i * (samples - length) / (count - 1)) for i in range(count)]
    return [slice(start, start + length) for start in starts]


def joined(pieces: Sequence[Audio], where: Sequence[slice]) -> Audio:
    """The signal of which ``pieces`` lie at ``where``, cross-faded linearly where two overlap."""
    whole = np.zeros(where[-1].stop, dtype=np.float32)
    for index, (piece, own) in enumerate(zip(pieces, where, strict=True)):
        weight = np.ones(piece.size, dtype=np.float32)
        if index > 0:
            shared = where[index - 1].stop - own.start
            weight[:shared] = _rising(shared)
        if index < len(where) - 1:
            shared = own.stop - where[index + 1].start
            weight[-shared:] = 1 - _rising(shared)
        whole[own] += weight * piece
    return whole


def generators(generator: torch.Generator, count: int) -> list[torch.Generator]:
    """A generator for each piece, drawn from the recording's; its own for a single one."""
    if count == 1:
        return [generator]
    own = torch.Generator()
    own.set_state(generator.get_state())
    seeds = torch.randint(2**62, (count,), generator=own).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def _rising(length: int) -> Audio:
    return (np.arange(length, dtype=np.float32) + 0.5) / np.float32(length)
