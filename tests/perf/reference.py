"""The reference's network, from a checkout of sp-uhh/storm, without building anything of it."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any


def reference_network(checkout: Path, width: int, inputs: int = 2) -> Any:
    """Its NCSN++M for evaluation. Its compiled extension is left out, so that its own plain-torch code runs."""
    import torch.utils.cpp_extension

    torch.utils.cpp_extension.load = lambda *_, **__: None
    packages = {"sgmse": checkout / "sgmse", "sgmse.util": checkout / "sgmse/util"}
    packages["sgmse.backbones"] = checkout / "sgmse/backbones"
    for name, folder in packages.items():  # without their __init__, which import the whole project
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    other = types.ModuleType("sgmse.util.other")
    other.pad_spec = lambda spectrogram: spectrogram  # type: ignore[attr-defined]
    sys.modules["sgmse.util.other"] = other
    from sgmse.backbones.ncsnpp import NCSNpp as Reference  # type: ignore[import-not-found]

    return Reference(nf=width, input_channels=2 * inputs, discriminative=False).eval()
