"""Files of every kind that the two projects write, become the methods that they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from methods import create, from_checkpoint
from methods.backbones import NCSNpp
from methods.checkpoints.systems import open_model
from methods.diffusion.method import DiffusionMethod
from methods.diffusion.parametrization import PARAMETRIZATIONS, Parametrization
from methods.diffusion.paths import OUVE, OUVP, SBVE
from methods.spectral import SpectralMethod
from methods.weights import TrainedModel
from tests.methods.checkpoints.files import LARGE, SGMSE, STORM, denoiser, lightning, network, write

Networks = dict[str, NCSNpp]

KINDS: dict[str, tuple[str, Callable[[], Networks], dict[str, Any]]] = {
    "both": (
        "storm",
        lambda: {"denoiser_net": denoiser(), "score_net": network(inputs=3)},
        {**STORM, "mode": "regen-joint-training", "condition": "both"},
    ),
    "post_denoiser": (
        "storm",
        lambda: {"denoiser_net": denoiser(), "score_net": network()},
        {**STORM, "mode": "regen-freeze-denoiser", "condition": "post_denoiser"},
    ),
    "noisy": (
        "storm",
        lambda: {"denoiser_net": denoiser(), "score_net": network()},
        {**STORM, "mode": "regen-p+j", "condition": "noisy"},
    ),
    "refinement": (
        "refinement",
        lambda: {"denoiser_net": denoiser(), "score_net": network()},
        {**STORM, "mode": "refine-j", "residue_in_stft": True},
    ),
    "score only": ("sgmse_m", lambda: {"dnn": network()}, {**STORM, "backbone": "ncsnpp"}),
    "denoiser only": ("ncsnpp_m", lambda: {"dnn": denoiser()}, {**STORM, "discriminative": True}),
    "StoRM's large one": ("sgmse_m", lambda: {"dnn": network(**LARGE)}, {**STORM, "backbone": "ncsnpplarge"}),
    "SGMSE+": ("sgmse_m", lambda: {"dnn": network(centered=True, **LARGE)}, {**SGMSE, "centered": True}),
    "SGMSE+ at 48 kHz": (
        "sgmse_m",
        lambda: {"dnn": network(centered=True, pyramids=False, **{**LARGE, "attention_heights": []})},
        {**SGMSE, "backbone": "ncsnpp_48k", "n_fft": 1534, "hop_length": 384, "spec_abs_exponent": 0.667},
    ),
    "a Schroedinger bridge": (
        "sgmse_m",
        lambda: {"dnn": network(centered=True, scale_by_time=False, **LARGE)},
        {**SGMSE, "backbone": "ncsnpp_v2", "sde": "sbve", "loss_type": "data_prediction", "N": 7, "k": 2.5},
    ),
}


def equal(ours: NCSNpp, theirs: NCSNpp) -> bool:
    ours_state, state = ours.state_dict(), theirs.state_dict()
    flags = ("conditional", "scale_by_time", "pyramids", "centered")
    return (
        [getattr(ours, flag) for flag in flags] == [getattr(theirs, flag) for flag in flags]
        and ours_state.keys() == state.keys()
        and all(torch.equal(ours_state[key], state[key]) for key in state)
    )


SLOW = {"noisy", "StoRM's large one"}
"""Each has the networks of others; test_settings.py tries its settings."""


@pytest.mark.parametrize(
    ("name", "networks", "settings"),
    [pytest.param(*kind, marks=[pytest.mark.slow] if name in SLOW else [], id=name) for name, kind in KINDS.items()],
)
def test_every_kind_comes_back_with_its_averages_or_raw(
    tmp_path: Path, name: str, networks: Callable[[], Networks], settings: dict[str, Any]
) -> None:
    raw, averages = networks(), networks()
    path = write(tmp_path / "epoch=3.ckpt", lightning(raw, averages, **settings))
    for weights, expected in ((None, averages), ("ema", averages), ("raw", raw)):
        method = from_checkpoint(path, weights)
        assert isinstance(method, SpectralMethod) and method.name == name
        prefixes = (
            {"denoiser": "denoiser_net", "score": "score_net"}
            if len(raw) == 2
            else dict.fromkeys(method.model.networks, "dnn")
        )
        for role, ours in method.model.networks.items():
            assert equal(ours, expected[prefixes[role]]), role
        assert method.provenance()["weights"] == (weights or "ema")
    assert create(name, checkpoint=str(path), weights="raw").provenance() == method.provenance()
    clip = np.random.default_rng(0).normal(size=700).astype(np.float32)
    enhanced = method.enhance(clip, method.sample_rate or 16000, 1, 0)
    assert np.isfinite(enhanced.audio).all()  # type: ignore[union-attr]


def opened(tmp_path: Path, networks: Networks, version: str = "1.8.3", **settings: Any) -> TrainedModel:
    content = {**lightning(networks, networks, **settings), "pytorch-lightning_version": version}
    return open_model(write(tmp_path / "made.ckpt", content))


def test_what_a_file_leaves_out_is_what_the_constructors_had(tmp_path: Path) -> None:
    storm = opened(tmp_path, {"denoiser_net": denoiser(), "score_net": network()})
    assert storm.settings.condition == "post_denoiser" and storm.t_eps == 0.03 and storm.sde == OUVE(1.5, 0.05, 0.5)
    assert (storm.spectrogram.factor, storm.spectrogram.exponent, storm.spectrogram.window) == (0.15, 0.5, "hann")
    assert (storm.spectrogram.n_fft, storm.spectrogram.hop, storm.spectrogram.sample_rate) == (510, 128, 16000)
    sgmse = opened(tmp_path, {"dnn": network()}, version="1.6.5", backbone="ncsnpp", sde_n=1000)
    assert sgmse.spectrogram.transform == "exponent" and sgmse.spectrogram.padding == "zeros"


@pytest.mark.parametrize(
    ("settings", "version", "centered"),
    [
        (STORM, "1.6.3", False),
        (STORM, "1.8.3", False),
        (STORM, "", False),
        (STORM, "2.0.1", True),  # of the branch that moved to Lightning 2
        ({**STORM, "centered": True}, "1.8.3", True),
        ({"backbone": "ncsnpp"}, "1.6.5", True),
        ({"backbone": "ncsnpp", "centered": False}, "2.1.4", False),
    ],
)
def test_whether_the_input_is_shifted(tmp_path: Path, settings: dict[str, Any], version: str, centered: bool) -> None:
    size: dict[str, Any] = {} if "spatial_channels" in settings else LARGE
    model = opened(tmp_path, {"dnn": network(**size)}, version, **settings)
    assert model.networks["score"].centered == centered


STORM_SCORE = {"backbone": "ncsnpp", "sde": "ouve", "sde_n": 1000, "loss_type": "mse", "spec_factor": 0.33}


@pytest.mark.parametrize(
    ("settings", "size", "project"),
    [
        ({**STORM_SCORE, "transform": "none", "return_time": False, "input_channels": 4}, {}, "StoRM"),
        ({**STORM_SCORE, "return_time": False}, {}, "StoRM"),
        ({**STORM_SCORE, "input_channels": 4}, LARGE, "StoRM"),
        (STORM_SCORE, {}, "StoRM"),  # SGMSE's always had seven levels before its files said how many
        ({**STORM_SCORE, "backbone": "ncsnpplarge"}, LARGE, "StoRM"),
        ({**STORM_SCORE, "return_time": False, "spatial_channels": 1, "centered": True}, {}, "StoRM"),
        (STORM_SCORE, LARGE, "SGMSE"),
        ({**STORM_SCORE, "input_channels": 2, "input_y": True}, LARGE, "SGMSE"),
        ({**SGMSE, "spatial_channels": 1, "normalize": "noisy"}, {}, "SGMSE"),
        ({"backbone": "ncsnpp_v2", "discriminative": False}, {}, "SGMSE"),
    ],
)
def test_which_project_wrote_a_file(
    tmp_path: Path, settings: dict[str, Any], size: dict[str, Any], project: str
) -> None:
    model = opened(tmp_path, {"dnn": network(**size)}, **settings)
    assert model.training["project"] == project
    assert model.sampler["stepping"] == ("uniform" if project == "StoRM" else "grid")


def test_settings_are_the_files(tmp_path: Path) -> None:
    settings = {"theta": 2.0, "sigma_min": 0.1, "sigma_max": 1.0, "t_eps": 0.05, "window": "sqrthann", "sr": 24000}
    model = opened(tmp_path, {"dnn": network()}, **{**SGMSE, **settings, "spec_factor": 0.065, "transform_type": "log"})
    assert model.sde == OUVE(2.0, 0.1, 1.0) and model.t_eps == 0.05
    assert (model.spectrogram.window, model.spectrogram.transform, model.spectrogram.factor) == (
        "sqrthann",
        "log",
        0.065,
    )
    assert model.spectrogram.sample_rate == 24000


def test_the_48_khz_backbone_is_run_at_48_khz(tmp_path: Path) -> None:
    """SGMSE's training leaves ``sr`` at 16000 for it; its script knows better."""
    _, networks, settings = KINDS["SGMSE+ at 48 kHz"]
    model = opened(tmp_path, networks(), **{**settings, "sr": 16000})
    assert model.spectrogram.sample_rate == 48000 and model.spectrogram.padding == "reflect"


def test_a_bridge_is_sampled_as_one(tmp_path: Path) -> None:
    _, networks, settings = KINDS["a Schroedinger bridge"]
    write(tmp_path / "bridge.ckpt", lightning(networks(), networks(), **settings))
    method = from_checkpoint(tmp_path / "bridge.ckpt")
    assert isinstance(method, DiffusionMethod)
    assert method.model.sde == SBVE(k=2.5) and method.model.parametrization.predicts == "clean"
    assert method.default_steps == 7 and method.provenance()["sampler"]["name"] == "BridgeODE"
    assert method.provenance()["spectrogram"]["padding"] == "reflect"
    other = create("sgmse_m", checkpoint=str(tmp_path / "bridge.ckpt"), sampler="sde")
    assert other.provenance()["sampler"]["name"] == "BridgeSDE"


def test_the_sde_without_a_standard_deviation_is_sampled_without_annealing(tmp_path: Path) -> None:
    settings = {**STORM, "sde": "ouvp", "beta_min": 0.2, "beta_max": 3.0, "stiffness": 2}
    networks = {"dnn": network(multipliers=(1, 2))}
    method = from_checkpoint(write(tmp_path / "ouvp.ckpt", lightning(networks, networks, **settings)))
    assert isinstance(method, DiffusionMethod) and method.model.sde == OUVP(0.2, 3.0, 2.0)
    enhanced = method.enhance(np.ones(700, np.float32), 16000, 1, 0)
    assert np.isfinite(enhanced.audio).all()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, PARAMETRIZATIONS.create("score", c_out="-1")),
        (
            {"output_std_exponent": -1.0, **STORM},
            PARAMETRIZATIONS.create("score", c_out="-1", network_scaling="1/sigma"),
        ),
        ({"backbone": "ncsnpp_v2", "loss_type": "score_matching"}, PARAMETRIZATIONS.create("score", c_out="1")),
        (
            {"backbone": "ncsnpp_v2", "network_scaling": "1/sigma", "c_in": "edm", "c_skip": "edm", "c_out": "edm"},
            PARAMETRIZATIONS.create("score", c_in="edm", c_out="edm", c_skip="edm", network_scaling="1/sigma"),
        ),
        (  # the release applies neither c_skip nor c_out to this one
            {"backbone": "ncsnpp_v2", "loss_type": "denoiser", "c_skip": "edm", "network_scaling": "1/t"},
            PARAMETRIZATIONS.create("mean", network_scaling="1/t"),
        ),
        (
            {"backbone": "ncsnpp_v2", "sde": "sbve", "loss_type": "data_prediction", "c_in": "edm", "sigma_data": 0.2},
            PARAMETRIZATIONS.create("clean", c_in="edm", c_out="1", sigma_data=0.2),
        ),
    ],
)
def test_what_the_output_stands_for(tmp_path: Path, settings: dict[str, Any], expected: Parametrization) -> None:
    assert opened(tmp_path, {"dnn": network()}, **settings).parametrization == expected
