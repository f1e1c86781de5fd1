"""Takes the reference figures that the tests read into ``tests/golden``: ``python -m tests.reference.take FOLDER``.

FOLDER holds what running the reference implementations left (its README says how). Most of it is copied as
it is. Whole recordings and spectrograms are thinned out, which catches every mistake that all of their
samples would; an array of which every n-th value was taken is called ``name@n``.
"""

from __future__ import annotations

import json
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).resolve().parent.parent / "golden"

LEFT_OUT = {
    "timing.json": "seconds on another machine",
    "ckpt/*": "checkpoints have tests of their own",
}
"""What is not taken, and why."""

DROPPED = {"sampler/storm_pc_nets.npz": ["*_traj_x"]}
"""Arrays that are not taken: the way to the result, which is there."""

THINNED: dict[str, dict[str, int]] = {
    "nets/*nf8.io.npz": {"output": 4},
    "nets/*nf4.io.npz": {"output": 4},
    "enhance/refine_enhance.npz": {"refine_*": 3},
    "enhance/sgmse_enhance.npz": {"sgmse_*": 3, "v2_*": 3},
    "spectral/storm_spectral.npz": {"*_stft": 3, "*_spec_*": 3, "*_back": 3},
}
"""Every n-th value along the last axis, and along the one before it if that is long too."""


def every(array: NDArray[np.generic], n: int) -> NDArray[np.generic]:
    """Every ``n``-th value along the last axes that are longer than 16."""
    steps = tuple(slice(None, None, n if size > 16 else 1) for size in array.shape[-2:])
    return array[(..., *steps)]


def taken(name: str) -> bool:
    """Whether the file is wanted."""
    return not any(fnmatch(name, pattern) for pattern in LEFT_OUT)


def thin(name: str, arrays: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """What is taken of a file's arrays."""
    dropped = [pattern for file, patterns in DROPPED.items() if fnmatch(name, file) for pattern in patterns]
    steps = {pattern: n for file, patterns in THINNED.items() if fnmatch(name, file) for pattern, n in patterns.items()}
    found = {}
    for key, array in arrays.items():
        if any(fnmatch(key, pattern) for pattern in dropped):
            continue
        n = next((n for pattern, n in steps.items() if fnmatch(key, pattern)), 1)
        found[key if n == 1 else f"{key}@{n}"] = every(array, n)
    return found


def main(folder: Path) -> None:
    """Copy."""
    for name in json.loads((folder / "manifest.json").read_text()):
        if not taken(name):
            continue
        (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
        if any(fnmatch(name, pattern) for pattern in (*DROPPED, *THINNED)):
            with np.load(folder / name) as arrays:
                np.savez_compressed(GOLDEN / name, **thin(name, dict(arrays)))
        else:
            shutil.copyfile(folder / name, GOLDEN / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
