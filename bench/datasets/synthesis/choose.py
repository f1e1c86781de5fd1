"""One of several things, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def choose(rng: np.random.Generator, things: Sequence[T]) -> T:
    """One of ``things``, each equally likely (``rng.choice`` would make an array of them first)."""
    return things[int(rng.integers(len(things)))]
