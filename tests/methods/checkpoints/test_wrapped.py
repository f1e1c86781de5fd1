"""Weights whose names carry what was around the network when it was saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.core.errors import UserError
from methods.checkpoints.description import describe
from methods.checkpoints.systems import open_model
from tests.methods.checkpoints.files import STORM, denoiser, lightning, network, write

Rename = Callable[[str], str]

WRAPPED: dict[str, Rename] = {
    "DataParallel": lambda key: f"module.{key}",
    "compiled": lambda key: f"_orig_mod.{key}",
    "in a class": lambda key: f"model.{key}",
    "compiled, then parallel": lambda key: f"module._orig_mod.{key}",
    "parallel, then compiled": lambda key: f"_orig_mod.module.{key}",
    "all three, one twice": lambda key: f"model.module._orig_mod.module.{key}",
    "the network inside": lambda key: key.replace(".", "._orig_mod.", 1),
    "inside and outside": lambda key: "module." + key.replace(".", ".model.", 1),
    "a module of the network": lambda key: key.replace("all_modules.4.", "all_modules.4._orig_mod."),
    "only one of two networks": lambda key: key.replace("score_net.", "score_net.module."),
    "some of the weights": lambda key: f"module.{key}" if key.endswith("bias") else key,
}


def storm() -> dict[str, Any]:
    torch.manual_seed(0)
    networks = {"denoiser_net": denoiser(multipliers=(1, 2)), "score_net": network(inputs=3, multipliers=(1, 2))}
    return lightning(networks, networks, **STORM, condition="both")


COMBINED = {"compiled, then parallel", "parallel, then compiled", "in a class", "the network inside"}
"""Slow tests: others have the same names around a network, or more."""


@pytest.mark.parametrize(
    "rename",
    [pytest.param(to, marks=[pytest.mark.slow] if name in COMBINED else [], id=name) for name, to in WRAPPED.items()],
)
@pytest.mark.parametrize("weights", ["ema", pytest.param("raw", marks=pytest.mark.slow)])
def test_what_was_around_a_network_is_taken_off_its_names(tmp_path: Path, rename: Rename, weights: str) -> None:
    content = storm()
    plain = open_model(write(tmp_path / "plain.ckpt", content), weights)
    content["state_dict"] = {rename(key): tensor for key, tensor in content["state_dict"].items()}
    wrapped = open_model(write(tmp_path / "wrapped.ckpt", content), weights)
    assert {**wrapped.config(), "training": {}} == {**plain.config(), "training": {}}
    for role, network_ in plain.networks.items():
        for key, tensor in network_.state_dict().items():
            assert torch.equal(tensor, wrapped.networks[role].state_dict()[key])
    said = describe(tmp_path / "wrapped.ckpt").lines["names"]
    assert any(word in said for word in ("module", "_orig_mod", "model"))
    assert "names" not in describe(tmp_path / "plain.ckpt").lines


def test_a_weight_with_and_without_a_wrapper_is_one_too_many(tmp_path: Path) -> None:
    content = storm()
    content["state_dict"]["module.score_net.output_layer.bias"] = torch.zeros(2)
    with pytest.raises(UserError, match=r"score_net.output_layer.bias twice, with and without module"):
        open_model(write(tmp_path / "a.ckpt", content))


def test_another_projects_names_are_still_another_projects(tmp_path: Path) -> None:
    content = storm() | {"state_dict": {"module.encoder.weight": torch.zeros(2)}}
    with pytest.raises(UserError, match=r"not a checkpoint of StoRM or SGMSE: its weights are called 'encoder.weight'"):
        open_model(write(tmp_path / "a.ckpt", content))


@pytest.mark.parametrize("file", ["plain", "module_prefix"])
def test_the_file_from_the_bug_report_is_read(shared: Path, file: str) -> None:
    folder = shared / "cases" / "checkpoint_with_module_prefix"
    models = [open_model(folder / f"{name}.ckpt") for name in ("plain", file)]
    for ours, theirs in zip(*(model.networks["denoiser"].state_dict().values() for model in models), strict=True):
        assert torch.equal(ours, theirs)
