"""Makes the files here from the reference data: ``python -m tests.golden.ckpt.make REFERENCE``.

The checkpoints were written by the official training scripts. What loading never touches is left out,
to save room: the optimiser's state, the weights that the last validation had set aside.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from methods.checkpoints.unpickling import DataModule, read
from tests.methods.checkpoints.files import write

HERE = Path(__file__).parent


def make(reference: Path) -> None:
    """Copy what the tests need."""
    for path in sorted((reference / "ckpt").glob("*.ckpt")):
        content = read(path)
        assert content["hyper_parameters"]["data_module_cls"] is DataModule
        write(
            HERE / path.name, {**content, "optimizer_states": [], "ema": {**content["ema"], "collected_params": None}}
        )
    for path in sorted((reference / "ckpt").glob("*.npz")):
        with np.load(path) as golden:
            np.savez_compressed(HERE / path.name, **{key: golden[key] for key in golden if "/collected/" not in key})


if __name__ == "__main__":
    make(Path(sys.argv[1]))
