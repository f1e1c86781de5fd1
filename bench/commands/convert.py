"""``bench convert``: a reference checkpoint to a safetensors file of ours, losslessly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from methods.checkpoints import open_model
from methods.weights import save


def convert(config: dict[str, Any]) -> Path:
    """Write the networks in float32, with their configuration as the file's metadata; the path written.

    Raises:
        UserError: no checkpoint, or one that cannot be used.
    """
    if config["checkpoint"] is None:
        raise UserError("bench convert needs checkpoint=FILE; bench convert --help says more")
    checkpoint = Path(str(config["checkpoint"])).expanduser()
    out = checkpoint.with_suffix(".safetensors") if config["out"] is None else Path(str(config["out"])).expanduser()
    if out.suffix != ".safetensors":
        raise UserError(f"out={out}: name it .safetensors, for that is what is written")
    if out.exists() and out.samefile(checkpoint):
        raise UserError(f"out={out}: is the checkpoint itself")
    save(out, open_model(checkpoint, config["weights"]))
    return out
