"""Networks in the layout of Hugging Face transformers, from a folder or, by name, from its hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.core.errors import UserError
from metrics.models import sha256

T = TypeVar("T")


def hub_folder(model: str) -> Path:
    """``model`` itself, where it is a folder; else the hub's model of that name, fetched into its cache.

    Raises:
        UserError: it cannot be had.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    return Path(loaded(model, lambda: snapshot_download(model)))


def loaded(model: str, load: Callable[[], T]) -> T:
    """What ``load`` gives.

    Raises:
        UserError: it raised anything.
    """
    try:
        return load()
    except Exception as error:  # of the package, its hub client or its network library
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"model '{model}' cannot be loaded ({reason}); name a folder with a model") from error


def hub_hash(folder: Path) -> str:
    """Which weights a folder holds: their hash."""
    weights = sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    return sha256(*weights[:1] or [folder / "config.json"])
