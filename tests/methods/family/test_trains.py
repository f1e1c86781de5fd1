"""A few hundred steps of `bench train` teach each method to enhance: SI-SDR on recordings that were not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methods import create
from methods.weights import load
from tests.bench.tones import Tones, config, train

METHODS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "bbed": (["method.parametrization.predicts=clean"], {"steps": 3}),
    "flow": (["method.parametrization.predicts=clean"], {"steps": 3}),
    "convtasnet": (
        ["method.size={filters: 32, channels: 16, hidden: 32, layers: 4, stacks: 1}", "frames=32"],
        {"steps": None},
    ),
}


def si_sdr(estimate: np.ndarray, clean: np.ndarray) -> float:
    target = (estimate @ clean) / (clean @ clean) * clean
    return float(10 * np.log10((target @ target) / ((target - estimate) @ (target - estimate))))


def gain(weights: Path, steps: int | None, **options: Any) -> float:
    """Mean SI-SDR of the enhanced validation recordings over that of the noisy ones, in dB."""
    method = create(load(weights).method, checkpoint=str(weights), device="cpu", **options)
    gains = []
    for clean, noisy in map(Tones(8).__getitem__, range(8)):
        enhanced = method.enhance(noisy, 16000, steps, 0).audio
        gains.append(si_sdr(enhanced.astype(float), clean) - si_sdr(noisy.astype(float), clean))
    return float(np.mean(gains))


def trained(out: Path, *overrides: str) -> Path:
    return train(config(out, *overrides, "max_steps=300", "valid_every=100", "optimiser.lr=5e-3"))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_a_few_hundred_steps_teach_it_to_enhance(name: str, tmp_path: Path) -> None:
    overrides, sampling = METHODS[name]
    found = gain(trained(tmp_path, f"method={name}", *overrides), sampling["steps"])
    print(f"{name}: {found:+.1f} dB SI-SDR")
    assert found > 1.0


@pytest.mark.slow
def test_the_second_stage_takes_the_priors_noise_out_of_one_step(tmp_path: Path) -> None:
    """One Euler-Maruyama step of the first stage keeps most of the prior's noise; CRP learns to take it away."""
    predicts = "method.parametrization.predicts=clean"
    first = trained(tmp_path / "bbed", "method=bbed", predicts)
    second = trained(tmp_path / "crp", "method=crp", predicts, f"init={first}")
    before, after = gain(first, 1, predictor="euler_maruyama", corrector="none"), gain(second, 1)
    print(f"one step: {before:+.1f} dB SI-SDR after the first stage, {after:+.1f} dB after the second")
    assert after > before + 8.0
