"""What some metrics need beside this project: other packages, and model files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.core.errors import UserError
from bench.core.weights import folder, installed


def needed(module: str, extra: str) -> ModuleType:
    """An optional package.

    Raises:
        UserError: it is not installed; the line says how to.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise UserError(f"{module} is not installed: pip install -c constraints.txt '.[{extra}]'") from None


def model_file(path: str | Path, metric: str, how: str) -> Path:
    """``path`` as a file that is there.

    Args:
        metric: which needs it.
        how: to get one.

    Raises:
        UserError: it is not there.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"{metric}: {file}: no such file; {how}")
    return file


def with_weights(network: Any, file: Path, metric: str, state: Callable[[Any], dict[str, Any]]) -> Any:
    """``network``, a ``torch.nn.Module``, in evaluation mode with the weights in ``file``.

    Args:
        metric: which needs them.
        state: from what the file holds to the network's state dict.

    Raises:
        UserError: the file holds something else.
    """
    import torch

    try:
        network.load_state_dict(state(torch.load(file, map_location="cpu", weights_only=True)))
    except Exception as error:  # unpickling fails in many ways
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{metric}: {file}: not the weights of its network ({reason})") from error
    return network.eval()


@dataclass(frozen=True)
class Catalogued:
    """A file that ``bench weights get`` fetches from inside a package.

    Attributes:
        entry: the catalogue's name of it.
        file: its name in the cache.
        package: the package and its version, ``NAME==VERSION``.
        path: where it lies in that.
    """

    entry: str
    file: str
    package: str
    path: str

    def find(self) -> Path | None:
        """The file in the installed package or in the cache; None where it is in neither."""
        places = (installed(self.package, self.path), folder(self.entry) / self.file)
        return next((path for path in places if path is not None and path.is_file()), None)

    def needed(self) -> Path:
        """The file.

        Raises:
            UserError: it is not here; the line says how to get it.
        """
        found = self.find()
        if found is None:
            raise UserError(f"{self.entry}: its weights are not here: bench weights get {self.entry}")
        return found


def sha256(*files: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all of them, one after the other: which model it was."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()[:16]
