"""Whole files, from the reference's networks to its enhanced speech; keys and counts at full size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from methods import create, from_checkpoint
from methods.backbones import NCSNpp
from methods.backbones.convert import reference_shapes
from methods.checkpoints.architecture import sizes
from methods.spectral import SpectralMethod
from tests.methods.checkpoints.files import GOLDEN, LARGE, SGMSE, STORM, denoiser, lightning, network, write
from tests.methods.checkpoints.test_golden import replayed

WHOLE: dict[str, tuple[str, dict[str, str], dict[str, Any], dict[str, Any]]] = {
    "storm_both_ald_N3": (
        "storm",
        {"denoiser_net": "storm_m_disc_nf16", "score_net": "storm_m_score6_nf16"},
        {**STORM, "condition": "both"},
        {"steps": 3},
    ),
    "storm_post_ald_N2": (
        "storm",
        {"denoiser_net": "storm_m_disc_nf16", "score_net": "storm_m_score4_nf16"},
        {**STORM, "condition": "post_denoiser"},
        {"steps": 2},
    ),
    "storm_noisy_ald_N2": (
        "storm",
        {"denoiser_net": "storm_m_disc_nf16", "score_net": "storm_m_score4_nf16"},
        {**STORM, "condition": "noisy"},
        {"steps": 2},
    ),
    "score_rd_ald_N3": ("storm", {"dnn": "storm_m_score4_nf16"}, STORM, {"steps": 3}),
    "disc": ("storm", {"dnn": "storm_m_disc_nf16"}, STORM, {}),
    "sgmse_ncsnpp_rd_ald_N3": ("sgmse", {"dnn": "ncsnpp7_nf8"}, {**SGMSE, "centered": True}, {"steps": 3}),
    "v2_scorematch_1oversigma_cinedm_reflect_rd_ald_N2": (
        "sgmse",
        {"dnn": "ncsnpp7_nf8"},
        {**SGMSE, "backbone": "ncsnpp_v2", "network_scaling": "1/sigma", "c_in": "edm"},
        {"steps": 2},
    ),
    "v2_sb_ode_N3": (
        "sgmse",
        {"dnn": "ncsnpp7_nf8"},
        {**SGMSE, "backbone": "ncsnpp_v2", "sde": "sbve", "loss_type": "data_prediction", "k": 2.6, "c": 0.4},
        {"steps": 3},
    ),
    "v2_sb_sde_N3": (
        "sgmse",
        {"dnn": "ncsnpp7_nf8"},
        {**SGMSE, "backbone": "ncsnpp_v2", "sde": "sbve", "loss_type": "data_prediction", "k": 2.6, "c": 0.4},
        {"steps": 3, "sampler": "sde"},
    ),
}


def reference_weights(files: dict[str, str]) -> dict[str, Tensor]:
    return {
        f"{prefix}.{key}": tensor.float()
        for prefix, file in files.items()
        for key, tensor in load_file(GOLDEN / "nets" / f"{file}.safetensors").items()
    }


def enhanced(method: Any, steps: int | None) -> np.ndarray:
    """The reference's noisy recording, with the reference's noise."""
    assert isinstance(method, SpectralMethod) and method.provenance()["weights"] == "raw"
    with np.load(GOLDEN / "enhance" / "storm_enhance.npz") as golden:
        noisy = golden["noisy"].reshape(-1)
    noise = replayed()
    return method.enhance_waveform(noisy, steps, lambda _: next(noise)).audio


def close(ours: np.ndarray, project: str, tag: str) -> bool:
    """To the reference's, of which some files hold every third sample ("@3") only."""
    with np.load(GOLDEN / "enhance" / f"{project}_enhance.npz") as golden:
        name = next(name for name in golden if name.partition("@")[0] == tag)
        expected = golden[name].reshape(-1)
    thinned = ours[:: int(name.partition("@")[2] or 1)]
    return bool(np.abs(thinned - expected).max() < 5e-4 * np.abs(expected).max())


def made(path: Path, files: dict[str, str], settings: dict[str, Any]) -> Path:
    return write(path, {**lightning({}, {}, **settings), "state_dict": reference_weights(files), "ema": None})


SLOW = {"storm_noisy_ald_N2", "sgmse_ncsnpp_rd_ald_N3", "v2_sb_sde_N3"}
"""Each differs from another in one setting, which test_settings.py tries alone."""


@pytest.mark.parametrize("tag", [pytest.param(tag, marks=[pytest.mark.slow] if tag in SLOW else []) for tag in WHOLE])
def test_a_file_of_the_references_networks_enhances_as_the_reference(tmp_path: Path, tag: str) -> None:
    """Told nothing but N (and, for the bridge's second sampler, which): the rest is in the file."""
    project, files, settings, options = WHOLE[tag]
    told = {key: value for key, value in options.items() if key != "steps"}
    method = from_checkpoint(made(tmp_path / "made.ckpt", files, settings), **told)
    assert close(enhanced(method, options.get("steps")), project, tag)


def test_a_two_stage_systems_predictive_network_stands_for_itself(tmp_path: Path) -> None:
    _, files, settings, _ = WHOLE["storm_both_ald_N3"]
    method = create("ncsnpp_m", checkpoint=str(made(tmp_path / "made.ckpt", files, settings)))
    assert close(enhanced(method, None), "storm", "storm_both_denoiser_only")


# Keys and counts at full size, without their numbers.


def keys(file: str) -> dict[str, dict[str, Tensor]]:
    """The reference's keys by network, each an empty tensor of its shape."""
    content = json.loads((GOLDEN / "keys" / f"{file}.json").read_text())
    networks: dict[str, dict[str, Tensor]] = {}
    for name, shape, *_ in content["rows"] if isinstance(content, dict) else content:
        prefix, _, key = name.partition(".")
        if prefix not in ("dnn", "denoiser_net", "score_net"):
            prefix, key = "dnn", name
        networks.setdefault(prefix, {})[key] = torch.empty(shape, device="meta")
    return networks


@pytest.mark.parametrize(
    ("file", "counts", "path"),
    [
        ("storm_score_only", "storm", {"dnn": ("score_only",)}),
        ("storm_denoiser_only", "storm", {"dnn": ("denoiser_only",)}),
        (
            "storm_regen_joint_both",
            "storm",
            {"denoiser_net": ("regen_both", "denoiser"), "score_net": ("regen_both", "score")},
        ),
        (
            "storm_regen_joint_post_denoiser",
            "storm",
            {"denoiser_net": ("regen_post_denoiser", "denoiser"), "score_net": ("regen_post_denoiser", "score")},
        ),
        ("sgmse_ncsnpp_full", "sgmse", {"dnn": ("ncsnpp",)}),
        ("sgmse_ncsnpp_v2_full", "sgmse", {"dnn": ("ncsnpp_v2",)}),
        ("sgmse_ncsnpp_48k_full", "sgmse", {"dnn": ("ncsnpp_48k",)}),
    ],
)
def test_keys_shapes_order_and_counts_are_the_references(
    file: str, counts: str, path: dict[str, tuple[str, ...]]
) -> None:
    networks = keys(file)
    assert networks.keys() == path.keys()
    for prefix, weights in networks.items():
        with torch.device("meta"):
            built = NCSNpp(**sizes(weights))
        assert list(reference_shapes(built).items()) == [(key, tuple(w.shape)) for key, w in weights.items()]
        expected: Any = json.loads((GOLDEN / "keys" / f"{counts}_param_counts.json").read_text())
        for step in path[prefix]:
            expected = expected[step]
        assert sum(parameter.numel() for parameter in built.parameters()) == expected


FULL: dict[str, tuple[dict[str, NCSNpp] | Any, dict[str, Any], int]] = {
    "StoRM, 27.8M and 27.3M": (
        lambda: {"denoiser_net": denoiser(width=128), "score_net": network(inputs=3, width=128)},
        {**STORM, "condition": "both"},
        55_118_388,
    ),
    "SGMSE+, 65M": (
        lambda: {"dnn": network(width=128, centered=True, **LARGE)},
        {**SGMSE, "centered": True},
        65_590_822,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("networks", "settings", "parameters"), FULL.values(), ids=FULL)
def test_networks_of_full_size_are_saved_as_the_reference_does_loaded_and_run(
    tmp_path: Path, networks: Any, settings: dict[str, Any], parameters: int
) -> None:
    built = networks()
    method = from_checkpoint(write(tmp_path / "full.ckpt", lightning(built, built, **settings)))
    assert isinstance(method, SpectralMethod) and method.model.parameters == parameters
    clip = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    first = method.enhance(clip, 16000, 1, 0)
    assert np.isfinite(first.audio).all() and first.audio.shape == clip.shape  # type: ignore[union-attr]
    roles = {"denoiser_net": "denoiser", "score_net": "score", "dnn": "score"}
    method.model.networks.update({roles[prefix]: net.eval() for prefix, net in built.items()})
    assert np.array_equal(method.enhance(clip, 16000, 1, 0).audio, first.audio)  # type: ignore[union-attr]
