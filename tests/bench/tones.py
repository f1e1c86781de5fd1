"""Trainings for tests: tones in noise, a network of a few thousand parameters, and what a training leaves."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from bench.conf.compose import compose
from bench.core.types import Audio
from bench.train.training import fit
from methods.weights import load


class Tones:
    """A harmonic tone of random pitch, alone and in white noise."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __str__(self) -> str:
        return "tones\nof random pitch"

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        rng = np.random.default_rng(index)
        phase = 2 * np.pi * rng.uniform(100, 300) * np.arange(4000) / 16000
        clean = sum(np.sin(k * phase) / k for k in range(1, 6))
        return clean.astype(np.float32), (clean + rng.normal(0, 0.5, 4000)).astype(np.float32)


def config(out: Path, *overrides: str) -> DictConfig:
    """A network of a few thousand parameters on spectrograms of 16 x 32."""
    small = ["network.width=4", "network.multipliers=[1,2]", "frames=16"]
    transform = ["method.spectrogram.n_fft=62", "method.spectrogram.hop=16"]
    loop = ["batch_size=4", "accumulate=1", "optimiser.lr=3e-3", "valid_every=5", "checkpoint_every=50", "log_every=2"]
    here = ["workers=0", "devices=1", "threads=1", "scores.recordings=0"]
    return DictConfig(compose("train", [*small, *transform, *loop, *here, *overrides, f"out={out}"]))


def train(settings: DictConfig) -> Path:
    return fit(settings, Tones(10**6), Tones(8))


def ended(settings: DictConfig) -> dict[str, Any]:
    """Everything that a training left which must not depend on how often it was stopped."""
    out = Path(settings.out)
    state = torch.load(out / "last.ckpt", weights_only=False)
    with (out / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    timed = ("steps_per_second", "data_wait")
    return {
        "step": state["global_step"],
        "raw": state["state_dict"],
        "averaged": state["callbacks"]["EMA"]["shadow"],
        "optimiser": state["optimizer_states"][0]["state"],
        "schedule": state["lr_schedulers"],
        "weights": {name: network.state_dict() for name, network in load(out / "weights.safetensors").networks.items()},
        "curve": load(out / "weights.safetensors").training["validation_curve"],
        "log": [{name: value for name, value in row.items() if name not in timed} for row in rows],
    }


def assert_same(one: Any, other: Any, where: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{index}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where
