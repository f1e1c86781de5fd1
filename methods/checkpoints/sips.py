"""SIPS's files: the prior's weights alone, ``SIPS.pt``, and its settings in a JSON file beside it.

The file is a dictionary of tensors, or one that has the averages under ``ema``. Sizes are the weights' shapes. The
settings, ``NAME_config.json``, are read where they are there; the released ones are the defaults of its project's code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.core.errors import UserError
from methods.checkpoints.architecture import Sizes
from methods.checkpoints.lightning import Weights
from methods.checkpoints.settings import FileSettings
from methods.spectrogram import Spectrogram

PREFIXES = ("unet", "logvar_fourier", "logvar_linear")
"""How the names of its weights begin."""
ONLY = {"a": 0.1, "c": 0.5, "t_eps": 0.0, "T": 1.0, "spec_channels": 2}
"""Settings with a single value that is here."""
SAMPLER = {"steps": 15}
"""What its script samples with."""
LONGEST_CONFIG = 1 << 20
"""Bytes of a settings file; the released one has 1,314."""


def weights_of(content: Mapping[str, Any]) -> Weights | None:
    """The prior's weights by their names in a file, the averages where it says so; None if it is none of SIPS's."""
    given = content.get("ema", content)
    if not isinstance(given, Mapping) or not given or "hyper_parameters" in content:
        return None
    ours = all(str(name).partition(".")[0] in PREFIXES and isinstance(value, Tensor) for name, value in given.items())
    return dict(given) if ours else None


def sizes(path: Path, weights: Mapping[str, Tensor]) -> Sizes:
    """Arguments of ``EDM2UNet`` for the network that ``weights`` are of.

    Raises:
        UserError: it is none such.
    """
    found = [re.fullmatch(r"unet\.enc\.(\d{1,5})x\1_(block\d+)\.(\w+)\.weight", name) for name in weights]
    blocks = [(int(match[1]), match[2], match[3], match[0]) for match in found if match]
    heights = sorted({height for height, *_ in blocks}, reverse=True)
    channels = {height: weights[name].shape[0] for height, _, layer, name in blocks if layer == "conv_res1"}
    try:
        width = weights["unet.emb_fourier.freqs"].shape[0]
        return {
            "width": width,
            "multipliers": [channels[height] // width for height in heights],
            "blocks": len({block for height, block, *_ in blocks if height == heights[0]}),
            "attention_heights": [
                height for height in heights if (height, "attn_qkv") in {(at, layer) for at, _, layer, _ in blocks}
            ],
            "height": heights[0],
            "logvar_width": weights["logvar_fourier.freqs"].shape[0],
            "inputs": 1,
            "conditional": True,
        }
    except (ArithmeticError, LookupError) as error:
        raise UserError(f"{path}: its weights are not those of SIPS's U-Net ({error})") from error


def settings_beside(path: Path) -> FileSettings:
    """What the settings file of the weights at ``path`` says of model and transform; nothing where there is none.

    Raises:
        UserError: the file is something else, or has a setting that is not here.
    """
    file = path.with_name(f"{path.stem}_config.json")
    settings = FileSettings(_read(file) if file.is_file() else {})
    for key, value in ONLY.items():
        settings.one_of(key, value, (value,))
    return settings


def spectrogram(settings: FileSettings) -> Spectrogram:
    """Windows of 512 samples; real and imaginary parts are divided by twice their spread, ``raw_std``."""
    exponent = settings.number("spec_exp", 0.5, 0.01, 10)
    factor = settings.number("spec_factor", 0.15, 1e-6, 1e6) * 0.5 / settings.number("raw_std", 0.08, 1e-6, 1e6)
    return Spectrogram(n_fft=512, exponent=exponent, factor=factor, padding="reflect")


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LONGEST_CONFIG:
            raise ValueError(f"it has more than {LONGEST_CONFIG} bytes")
        told = json.loads(file.read_text(encoding="utf-8"))
        return {**told.get("audio_encoder_kwargs", {}), **told["model_kwargs"]}
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{file}: not the settings of SIPS's network ({type(error).__name__}: {error})") from error
