"""The second set of reference figures, beside the checkout: those of further public systems."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from methods.noise import RandnLike
from tests.conftest import ROOT
from tests.reference.golden import distance
from tests.reference.golden import noise as replayed

FIRST = ROOT / "tests" / "golden"
"""The first set; the second one's networks and noise are partly there."""


class Reference2:
    """The folder ``reference2``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def json(self, name: str) -> Any:
        """The content of a JSON file."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def arrays(self, name: str) -> dict[str, Tensor]:
        """The content of an npz file."""
        with np.load(self.folder / name) as file:
            return {key: torch.from_numpy(np.atleast_1d(file[key])) for key in file.files}

    def weights(self, tag: str) -> dict[str, Tensor]:
        """A network's weights: stored, or drawn as the recipe in ``keys`` says; float32."""
        stored = self.folder / f"nets/{tag}.safetensors"
        if stored.is_file():
            return {
                key: value.float() if value.is_floating_point() else value for key, value in load_file(stored).items()
            }
        recipe = self.json(f"keys/{tag}.json")
        return {row[0]: drawn(recipe["seed"] + i, *row) for i, row in enumerate(recipe["rows"])}


def drawn(seed: int, name: str, shape: list[int], loc: float, scale: float) -> Tensor:
    """One weight of a recipe."""
    if name.endswith("num_batches_tracked"):
        return torch.tensor(int(loc))
    values = loc + scale * np.random.RandomState(seed).standard_normal(shape)
    return torch.from_numpy(np.asarray(values).astype(np.float16).astype(np.float32))


def bank(folder: Path, name: str = "noise_bank_1x1x256x192.npz") -> Iterator[Tensor]:
    """The noise of whole enhancements, in the order in which it is drawn."""
    with np.load(folder / name) as file:
        (values,) = (file[key] for key in file.files)
    return iter(torch.view_as_complex(torch.from_numpy(values.astype(np.float32))))


def from_bank(noise: Iterator[Tensor]) -> RandnLike:
    """A source of that noise."""
    return lambda like: next(noise)


def near(ours: Any, theirs: Any, tolerance: float) -> None:
    """That the largest difference relative to the largest magnitude is within ``tolerance``."""
    found = distance(ours.detach() if isinstance(ours, Tensor) else ours, theirs)
    assert found <= tolerance, found


@pytest.fixture(scope="session")
def reference2(shared: Path) -> Reference2:
    """The second set; the test is skipped where it is absent."""
    folder = shared / "reference2"
    if not folder.is_dir():
        pytest.skip("the second set of reference data is not present")
    return Reference2(folder)


__all__ = ["FIRST", "Reference2", "bank", "from_bank", "near", "reference2", "replayed"]
