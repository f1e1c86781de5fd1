"""Reference figures, and the functions that reproduce them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.reference.take import GOLDEN, every

Comparison = tuple[str, Any, Any]
"""(what, ours, theirs): arrays or floats that should be near, or anything else that should be equal."""


class Golden:
    """One file of ``tests/golden``; it and those that it opens are noted as read."""

    def __init__(self, name: str, read: set[str] | None = None) -> None:
        self.name = name
        self.read = set() if read is None else read
        self.read.add(name)

    def beside(self, name: str) -> Golden:
        """Another file."""
        return Golden(name, self.read)

    @property
    def tag(self) -> str:
        """The file's name without its folder and suffixes."""
        return self.name.rpartition("/")[2].split(".")[0]

    def json(self) -> Any:
        """The content of a JSON file."""
        return json.loads((GOLDEN / self.name).read_text())

    def weights(self) -> dict[str, Tensor]:
        """The content of a safetensors file."""
        return load_file(GOLDEN / self.name)

    def arrays(self) -> dict[str, Tensor]:
        """The content of an npz file."""
        with np.load(GOLDEN / self.name) as file:
            return {key: torch.from_numpy(np.atleast_1d(file[key])) for key in file.files}

    def compare(self, **ours: Any) -> Iterator[Comparison]:
        """Each with the file's array of that name, thinned out as that is."""
        theirs = {key.partition("@")[0]: (value, key.partition("@")[2]) for key, value in self.arrays().items()}
        for name, value in ours.items():
            expected, n = theirs[name]
            found = torch.as_tensor(value).detach()
            yield name, torch.from_numpy(every(found.numpy(), int(n))) if n else found, expected


@dataclass(frozen=True)
class Check:
    """How the files that match ``pattern`` are reproduced.

    Attributes:
        tolerance: the largest difference, relative to the largest magnitude.
        uses: further files that are read on the way.
    """

    pattern: str
    tolerance: float
    uses: tuple[str, ...]
    compare: Callable[[Golden], Iterator[Comparison]]


CHECKS: list[Check] = []


def reproduces(
    pattern: str, tolerance: float, uses: tuple[str, ...] = ()
) -> Callable[[Callable[[Golden], Iterator[Comparison]]], Callable[[Golden], Iterator[Comparison]]]:
    """Enter a function that yields what is compared with the file that it is given."""

    def enter(compare: Callable[[Golden], Iterator[Comparison]]) -> Callable[[Golden], Iterator[Comparison]]:
        CHECKS.append(Check(pattern, tolerance, uses, compare))
        return compare

    return enter


def check_for(name: str) -> Check | None:
    """Who reproduces the file."""
    return next((check for check in CHECKS if fnmatch(name, check.pattern)), None)


def distance(ours: Any, theirs: Any) -> float:
    """The largest difference relative to the largest magnitude; of what is neither array nor float, 0 or infinity."""
    if not all(isinstance(value, float | Tensor | np.ndarray) for value in (ours, theirs)):
        return 0.0 if ours == theirs else float("inf")
    ours, theirs = torch.as_tensor(ours), torch.as_tensor(theirs)
    if ours.shape != theirs.shape and ours.squeeze().shape != theirs.squeeze().shape:
        return float("inf")
    difference = (ours.squeeze().to(torch.complex128) - theirs.squeeze().to(torch.complex128)).abs().max()
    largest = theirs.abs().max().double()
    return float(difference / largest) if largest else float(difference)


def noise(bank: Tensor) -> Callable[[Tensor], Tensor]:
    """Gives the bank's tensors one after the other."""
    left = iter(bank)
    return lambda like: next(left)
