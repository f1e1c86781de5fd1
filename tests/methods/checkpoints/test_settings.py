"""Every option of the two projects, given another value, does what it does there, or is refused, or does nothing."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from methods import create, from_checkpoint
from methods.backbones import NCSNpp
from methods.backbones.convert import reference_shapes
from methods.checkpoints.configuration import Configuration, configure, refusal
from methods.checkpoints.lightning import Checkpoint
from methods.checkpoints.systems import from_reference_checkpoint
from methods.spectral import SpectralMethod
from tests.golden.settings.recipe import KINDS, STEPS, Kind, cases, noise, noisy, weights
from tests.methods.checkpoints.files import GOLDEN

SMALL: dict[str, Any] = {"width": 8, "multipliers": [1, 2]}
ATTENTIVE = {**SMALL, "attention_heights": [128]}
NETWORKS: dict[str, dict[str, dict[str, Any]]] = {
    "storm_score": {"dnn": SMALL},
    "storm_denoiser": {"dnn": {**SMALL, "inputs": 1, "conditional": False}},
    "storm_joint": {
        "denoiser_net": {**SMALL, "inputs": 1, "conditional": False},
        "score_net": {**SMALL, "inputs": 3},
    },
    "48k": {"dnn": {**SMALL, "pyramids": False}},
    "48k_pyramids": {"dnn": SMALL},
    "sgmse_without_pyramids": {"dnn": {**ATTENTIVE, "pyramids": False}},
}
"""The sizes of each kind's networks; of the others, one that is ``ATTENTIVE``."""

REFUSED = {
    "loss_type=data_prediction": "the reference takes predicted speech for a score",
    "loss_type=denoiser": "of a bridge: the reference takes a score for predicted speech",
    "loss_type=score_matching": "likewise",
    "fir_kernel=[[1, 2], [2, 1]]": "not a product of two equal kernels",
    "return_time=True": "trained on waveforms",
}
"""What runs there and is refused here; nothing else may be."""


def golden(project: str) -> tuple[dict[str, dict[str, str]], dict[str, np.ndarray]]:
    folder = GOLDEN / "settings"
    with np.load(folder / f"{project}.npz") as arrays:
        return json.loads((folder / f"{project}.json").read_text()), dict(arrays)


@cache
def state(name: str) -> dict[str, torch.Tensor]:
    """The weights of a kind's networks, by their names there."""
    shapes = []
    for prefix, size in NETWORKS.get(name, {"dnn": ATTENTIVE}).items():
        shapes += [(f"{prefix}.{key}", shape) for key, shape in reference_shapes(NCSNpp(**size)).items()]
    return {key: torch.from_numpy(value) for key, value in weights(shapes).items()}


def enhanced(kind: Kind, checkpoint: Checkpoint) -> np.ndarray:
    drawn = noise()

    def randn_like(like: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(next(drawn))[:, :, : like.shape[2], : like.shape[3]]

    model = from_reference_checkpoint(checkpoint)
    method = create(model.method, checkpoint=model, device="cpu")
    assert isinstance(method, SpectralMethod)
    # Not ``enhance``, which would resample to 48 kHz: the reference is given 700 samples at any rate.
    steps = None if kind.settings["sde"] == "sbve" else STEPS
    return method.enhance_waveform(noisy(), steps, randn_like).audio[::3]


def run_with(told: Configuration) -> dict[str, Any]:
    """All that speech depends on beside the weights."""
    run = {field.name: getattr(told, field.name) for field in fields(told) if field.name != "settings"}
    # SGMSE's script and its bridge have last times of their own.
    return {**run, "t_eps": told.t_eps if told.project == "StoRM" else None}


def judged(kind: Kind, case: str, there: str, expected: np.ndarray | None, file: Checkpoint, plain: Any) -> str:
    """What is wrong with how a case is read; nothing where all is well."""
    key, _, value = case.partition("=")
    told = configure(file)
    settings = told.settings
    if (
        case != "as it is"
        and sum(key in entries for entries in (settings.used, settings.harmless, settings.refused)) != 1
    ):
        return "is in none or in several of the three lists"
    if error := refusal(file, settings):
        if there[:5] != "error" and case not in REFUSED:
            return f"{there} there, but {error}"
        return "" if key in str(error) and value in str(error) else f"refused without its name and value: {error}"
    if there == "same":
        return "" if run_with(told) == plain else "is without effect there, but not here"
    if there != "other":
        return f"{there} there, and read here"
    assert expected is not None
    if key in settings.harmless:
        return "does something, and is called harmless"
    apart = np.abs(enhanced(kind, file) - expected).max() / np.abs(expected).max()
    # A bridge's first step is a difference of large numbers: 1e-3 is what the reference itself rounds.
    return "" if apart < (1e-2 if kind.settings["sde"] == "sbve" else 1e-4) else f"{apart:.1e} apart"


ALIKE = {"v2", "48k", "storm_score", "sgmse_without_pyramids", "bridge"}
"""Kinds whose options others have too: ``v2_edm``, ``48k_pyramids``, ``storm_joint``, ``sgmse``; for the bridge see
test_whole.py."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in ALIKE else name for name in KINDS]
)
def test_every_option_does_what_the_reference_does(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    told, arrays = golden(kind.project)
    path = tmp_path / "file.ckpt"
    path.touch()
    files = {
        case: Checkpoint(path, dict(state(name)), None, settings, {"lightning": "1.8.3", "epoch": 1, "step": 1})
        for case, settings in cases(kind)
    }
    assert files.keys() == told[name].keys()
    plain = run_with(configure(files["as it is"]))
    wrong = {
        case: judged(kind, case, told[name][case], arrays.get(f"{name}/{case}"), file, plain)
        for case, file in files.items()
    }
    assert not any(wrong.values()), "\n".join(f"{case}: {why}" for case, why in wrong.items() if why)


CASES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "scale_by_sigma": ("ref_unread_settings/x_scale_by_sigma", "run0", 9653, {"corrector": "none"}),
    "nonlinearity": ("ref_unread_settings/x_nonlinearity", "run0", 9653, {"corrector": "none"}),
    "skip_rescale": ("ref_unread_settings/x_skip_rescale", "run0", 9653, {"corrector": "none"}),
    "48 kHz with pyramids": ("ref_48k_pyramids/x_48k_skip", "run0", 9651, {"corrector": "none"}),
    "48 kHz with pyramids and corrector": ("ref_48k_pyramids/x_48k_skip", "run1", 9652, {}),
    "the bridge's ODE": ("ref_bridge_eps/x_bridge_eps", "run0", 9652, {}),
    "the bridge's SDE": ("ref_bridge_eps/x_bridge_eps", "run1", 9653, {"sampler": "sde"}),
}


@pytest.mark.parametrize(("file", "run", "seed", "options"), CASES.values(), ids=CASES)
def test_files_of_the_public_code_enhance_as_there(
    shared: Path, file: str, run: str, seed: int, options: dict[str, Any]
) -> None:
    path = shared / "cases" / f"{file}.ckpt"
    generator = torch.Generator().manual_seed(seed)
    method = from_checkpoint(path, **options)
    assert isinstance(method, SpectralMethod)
    with np.load(path.with_suffix(".npz")) as golden:
        given, expected = golden["noisy"].reshape(-1), golden[run].reshape(-1)
    steps = None if "bridge" in file else 2
    ours = method.enhance_waveform(
        given, steps, lambda like: torch.randn(like.shape, dtype=like.dtype, generator=generator)
    ).audio
    # With 4 channels, and at the bridge's first step, float32 rounds that much.
    assert np.abs(ours - expected).max() < (2e-3 if "bridge" in file else 1e-4) * np.abs(expected).max()
