"""``bench convert``: a reference checkpoint to a safetensors file of ours, losslessly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.commands.settings import Convert
from bench.core.errors import UserError
from methods.catalogue.fetch import local_copy
from methods.checkpoints import open_model
from methods.weights import save


def convert(config: Mapping[str, Any]) -> Path:
    """Write the networks in float32, with their configuration as the file's metadata; the path written.

    Raises:
        UserError: no checkpoint, or one that cannot be used.
    """
    request = Convert.of(config)
    if request.checkpoint is None:
        raise UserError("bench convert needs checkpoint=FILE; bench convert --help says more")
    checkpoint = local_copy(request.checkpoint)
    beside = checkpoint if Path(request.checkpoint).expanduser().exists() else Path(checkpoint.name)
    out = request.out or beside.with_suffix(".safetensors")
    if out.suffix != ".safetensors":
        raise UserError(f"out={out}: name it .safetensors, for that is what is written")
    if out.exists() and out.samefile(checkpoint):
        raise UserError(f"out={out}: is the checkpoint itself")
    save(out, open_model(checkpoint, request.weights))
    return out
