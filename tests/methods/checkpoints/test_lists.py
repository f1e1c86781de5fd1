"""``bench check`` prints the three lists; what depends on settings and not on weights is run as the documents say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from methods import from_checkpoint
from methods.diffusion.method import DiffusionMethod
from tests.methods.checkpoints.files import GOLDEN, SGMSE, STORM, lightning, network, write

SMALL: dict[str, Any] = {"multipliers": (1, 2)}


def score(path: Path, size: dict[str, Any] = SMALL, **settings: Any) -> Path:
    networks = {"dnn": network(**size)}
    return write(path, lightning(networks, networks, **settings))


def lists(told: str) -> dict[str, set[str]]:
    lines = dict(line.split(None, 1) for line in told.splitlines() if line.split(None, 1)[1:])
    return {name: set(lines[name].replace(";", ",").split(", ")) for name in ("used", "harmless", "refused")}


def test_three_lists_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = score(tmp_path / "a.ckpt", **STORM, nonlinearity="elu", lr=1e-4, unheard_of=5)
    assert main(["check", f"checkpoint={path}"]) == 0
    told = lists(capsys.readouterr().out)
    assert {"nonlinearity=elu", "spec_factor=0.33", "sde=ouve"} <= told["used"]
    assert {"lr=0.0001", "sde_n=1000", "of neither project: unheard_of=5"} <= told["harmless"]
    assert told["refused"] == {"none"}


def test_a_refused_file_is_sorted_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = score(tmp_path / "a.ckpt", **STORM, resblock_type="ddpm", n_fft=512, lr=1e-4)
    assert main(["check", f"checkpoint={path}"]) == 2
    captured = capsys.readouterr()
    told = lists(captured.out)
    assert told["refused"] == {"resblock_type=ddpm", "n_fft=512"} and "lr=0.0001" in told["harmless"]
    [line] = captured.err.splitlines()
    assert "resblock_type=ddpm; what is read is biggan" in line
    assert "n_fft=512, which gives 257 frequency bins; its networks take multiples of 2, as n_fft=510 gives" in line


@pytest.mark.parametrize("file", sorted((GOLDEN / "ckpt").glob("*.ckpt")), ids=lambda path: path.stem)
def test_every_hyper_parameter_of_real_files_is_in_one_list(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"checkpoint={file}"]) == 0
    told = lists(capsys.readouterr().out)
    assert told["refused"] == {"none"} and not told["used"] & told["harmless"]
    assert not any("neither project" in entry for entry in told["harmless"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "method=storm", "device=gpu"], "device=gpu: no kind of device; one of auto, cpu, cuda"),
        (["check", "method=noisy", "device=gpu"], "device=gpu: no kind of device"),
        (["check", "checkpoint=FILE", "device=3.5"], "device=3.5: no kind of device"),
        (["check", "method=storm", "device=meta"], "device=meta: networks are not run there"),
        (["check", "checkpoint=FILE", "weights=gpu"], "weights: one of ema, raw, or null; got 'gpu'"),
        (["convert", "checkpoint=FILE", "weights=gpu"], "weights: one of ema, raw, or null; got 'gpu'"),
        (["convert", "checkpoint=FILE", "out=FILE/a.safetensors"], "FILE/a.safetensors: cannot be written"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(GOLDEN / "ckpt" / "storm_score_nf4_midepoch.ckpt")
    assert main([argument.replace("FILE", file) for argument in arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told.replace("FILE", file) in line


def sampler(path: Path, **options: Any) -> dict[str, Any]:
    method = from_checkpoint(path, **options)
    assert isinstance(method, DiffusionMethod)
    return dict(method.provenance()["sampler"])


def test_the_last_time_is_the_scripts(tmp_path: Path) -> None:
    """SGMSE's replaces the file's by 0.03, StoRM's does not; either is had by name."""
    sgmse = score(tmp_path / "sgmse.ckpt", **SGMSE, t_eps=0.05)
    assert sampler(sgmse)["t_eps"] == 0.03 and sampler(sgmse, t_eps=0.05)["t_eps"] == 0.05
    assert sampler(sgmse, sampler="ode")["t_eps"] == 0.03
    assert sampler(score(tmp_path / "storm.ckpt", **STORM, t_eps=0.05))["t_eps"] == 0.05


def test_the_bridges_eps_is_the_samplers(tmp_path: Path) -> None:
    settings = {"backbone": "ncsnpp_v2", "sde": "sbve", "loss_type": "data_prediction", "eps": 1e-3, "t_eps": 0.05}
    path = score(tmp_path / "bridge.ckpt", **{**SGMSE, **settings})
    assert sampler(path)["eps"] == 1e-8 and sampler(path)["t_eps"] == 1e-4
    assert sampler(path, eps=1e-3)["eps"] == sampler(path, sampler="sde", eps=1e-3)["eps"] == 1e-3


def test_another_rate_than_the_models_is_said(tmp_path: Path) -> None:
    settings = {"backbone": "ncsnpp_48k", "n_fft": 1534, "hop_length": 384, "spec_abs_exponent": 0.667}
    method = from_checkpoint(score(tmp_path / "48k.ckpt", {**SMALL, "pyramids": False}, **{**SGMSE, **settings}))
    clip = np.random.default_rng(0).normal(0, 0.1, 800).astype(np.float32)
    there = method.enhance(clip, 16000, steps=1, generator=0)
    assert there.model_rate == 48000 and there.adjusted == {"resampled_from": 48000} and there.audio.size == 800
    here = method.enhance(clip, 48000, steps=1, generator=0)
    assert here.model_rate is None and not here.adjusted
