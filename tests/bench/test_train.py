"""``bench train`` on tones in noise: the loss falls, a killed training ends as an unbroken one, the weights load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from bench.config import compose
from bench.core.errors import UserError
from bench.core.types import Audio
from bench.train import fit
from methods import create
from methods.base import Enhanced
from methods.weights import load, new_system, save

METHODS = ["ncsnpp_m", "sgmse_m", "refinement", "storm"]


class Tones:
    """A harmonic tone of random pitch, alone and in white noise."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        rng = np.random.default_rng(index)
        phase = 2 * np.pi * rng.uniform(100, 300) * np.arange(4000) / 16000
        clean = sum(np.sin(k * phase) / k for k in range(1, 6))
        return clean.astype(np.float32), (clean + rng.normal(0, 0.5, 4000)).astype(np.float32)


def config(method: str, out: Path, *overrides: str) -> DictConfig:
    small = ["network.width=8", "network.multipliers=[1,2]", "frames=16", "batch_size=4", "accumulate=1"]
    loop = ["optimiser.lr=3e-3", "valid_every=5", "checkpoint_every=2", "workers=0", "devices=1", "threads=1"]
    return DictConfig(compose("train", [f"method={method}", f"out={out}", *small, *loop, *overrides]))


def trained(settings: DictConfig) -> dict[str, torch.Tensor]:
    """The EMA weights at the end, and the validation losses on the way."""
    fit(settings, Tones(10**6), Tones(8))
    state = torch.load(Path(settings.out) / "last.ckpt", weights_only=False)
    assert state["global_step"] == settings.max_steps
    shadow: dict[str, torch.Tensor] = state["callbacks"]["EMA"]["shadow"]
    curve = load(Path(settings.out) / "weights.safetensors").training["validation_curve"]
    return {**shadow, "validation_curve": torch.tensor(curve)}


@pytest.mark.parametrize("method", METHODS)
def test_thirty_steps_lower_the_loss_and_give_weights_that_enhance(tmp_path: Path, method: str) -> None:
    path = fit(config(method, tmp_path, "max_steps=30"), Tones(10**6), Tones(8))
    curve = load(path).training["validation_curve"]
    assert [step for step, _ in curve] == [5, 10, 15, 20, 25, 30]
    assert curve[-1][1] < 0.97 * curve[0][1]
    enhanced = create(method, checkpoint=str(path)).enhance(Tones(9)[3][1], 16000, 2, 0)
    assert isinstance(enhanced, Enhanced) and np.isfinite(enhanced.audio).all()


class Killed(Exception):
    """Stands for the end of the process: nothing after it is saved."""


@pytest.mark.parametrize("method", ["ncsnpp_m", "storm"])
@pytest.mark.parametrize("killed_at", [3, 5, 7])
def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, method: str, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = trained(config(method, tmp_path / "unbroken", "max_steps=10"))

    def kill(self: Any, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.global_step == killed_at:
            raise Killed

    broken = config(method, tmp_path / "broken", "max_steps=10")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("methods.training.ema.EMA.on_train_batch_start", kill)
        trained(broken)
    continued = trained(broken)
    assert continued.keys() == unbroken.keys()
    for name, value in unbroken.items():
        assert torch.equal(continued[name], value), name


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    settings = config("ncsnpp_m", tmp_path, "max_steps=4", "valid_every=2", "batch_size=2", "accumulate=2")
    trained(settings)
    assert [step for step, _ in load(tmp_path / "weights.safetensors").training["validation_curve"]] == [2, 4]


def test_init_takes_networks_over_and_refuses_other_sizes(tmp_path: Path) -> None:
    given = new_system("ncsnpp_m", width=8, multipliers=(1, 2))
    save(tmp_path / "given.safetensors", given)
    init = f"init={tmp_path}/given.safetensors"
    frozen = config("storm", tmp_path / "out", init, "method.objective.freeze_denoiser=true", "max_steps=5")
    system = load(fit(frozen, Tones(10**6), Tones(8)))
    for name, value in given.networks["denoiser"].state_dict().items():
        assert torch.allclose(system.networks["denoiser"].state_dict()[name], value, rtol=1e-3, atol=1e-6), name
    with pytest.raises(UserError, match=r"given\.safetensors.*'denoiser'"):
        fit(config("storm", tmp_path / "other", init, "network.width=16"), Tones(9), Tones(8))


def test_a_training_without_a_validation_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="before the first validation"):
        fit(config("ncsnpp_m", tmp_path, "max_steps=2"), Tones(10**6), Tones(8))
