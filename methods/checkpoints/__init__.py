"""Checkpoints of the reference projects, StoRM and SGMSE, as methods; reading one runs nothing of it.

``unpickling`` reads the file, ``lightning`` knows what their training writes, ``architecture`` finds sizes,
``configuration`` and ``diffusion`` read what ``settings`` sorts into used, harmless and refused, ``systems``
puts them together.
"""

from pathlib import Path
from typing import Any

from methods.base import METHODS, Method
from methods.catalogue.fetch import local_copy
from methods.checkpoints.systems import open_model

__all__ = ["from_checkpoint", "open_model"]


def from_checkpoint(path: str | Path, weights: str | None = None, **options: Any) -> Method:
    """The method whose networks are in ``path``, run as the project that trained them runs it.

    Args:
        path: a ``.ckpt`` of StoRM or SGMSE, or a safetensors file of ours.
        weights: "ema", "raw", or None for the averages where there are any.
        options: of the method, as for ``create``; they take precedence over the checkpoint's.

    Raises:
        UserError: a file that cannot be used, or an unknown option; one line that says why.
    """
    model = open_model(local_copy(path), weights)
    return METHODS.create(model.method, checkpoint=model, **options)
