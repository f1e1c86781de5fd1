"""The OUVE SDE: closed forms, and the reference's numbers where they are at hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from methods.sdes import OUVE


def test_starts_at_the_clean_speech_and_ends_near_the_noisy() -> None:
    sde, x0, y = OUVE(), torch.randn(1, 1, 4, 4, dtype=torch.complex64), torch.randn(1, 1, 4, 4, dtype=torch.complex64)
    mean, std = sde.marginal_prob(x0, torch.zeros(1), y)
    assert torch.allclose(mean, x0) and std.item() == 0
    mean, _ = sde.marginal_prob(x0, torch.tensor([20.0]), y)
    assert torch.allclose(mean, y, atol=1e-6)


def test_std_at_one_is_the_published_value() -> None:
    assert OUVE().std(torch.ones(1)).item() == pytest.approx(0.3889826, rel=1e-6)
    assert OUVE(theta=2.0, sigma_min=0.1, sigma_max=1.0).std(torch.ones(1)).item() == pytest.approx(0.7314816, rel=1e-6)


def test_variance_solves_its_ordinary_differential_equation() -> None:
    """d var / dt = -2 theta var + g^2."""
    sde, t = OUVE(), torch.linspace(0.05, 1, 20, dtype=torch.float64, requires_grad=True)
    variance = sde.std(t) ** 2
    (slope,) = torch.autograd.grad(variance.sum(), t)
    assert torch.allclose(slope, -2 * sde.theta * variance + sde.diffusion(t) ** 2, rtol=1e-10)


def test_mean_solves_its_ordinary_differential_equation() -> None:
    """d mean / dt = theta (y - mean)."""
    sde, x0, y = OUVE(), torch.tensor(0.7, dtype=torch.float64), torch.tensor(-0.2, dtype=torch.float64)
    t = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    mean = sde.mean(x0, t, y)
    (slope,) = torch.autograd.grad(mean.sum(), t)
    assert slope.item() == pytest.approx(sde.drift(mean, t, y).item())


def test_prior_has_unit_complex_noise_around_y() -> None:
    y = torch.full((1, 1, 256, 256), 2 - 1j, dtype=torch.complex64)
    deviation = OUVE().prior_sampling(y, torch.randn_like) - y
    assert deviation.abs().square().mean().sqrt().item() == pytest.approx(0.389, rel=0.02)
    assert deviation.real.std().item() == pytest.approx(0.389 / math.sqrt(2), rel=0.02)


@pytest.mark.parametrize("name", ["ouve_default", "ouve_48k", "ouve_wsj_alt"])
def test_equals_the_reference(shared: Path, name: str) -> None:
    with np.load(shared / "reference" / "sde" / f"{name}.npz") as file:
        golden = {key: torch.from_numpy(np.atleast_1d(file[key])) for key in file.files}
    sde = OUVE(*(float(golden[key]) for key in ("theta", "sigma_min", "sigma_max")))
    t, x0, x, y = (golden[key] for key in ("t", "x0", "x", "y"))
    ours = {
        "mean": sde.mean(x0, t, y),
        "std": sde.std(t),
        "drift": sde.drift(x, t, y),
        "diffusion": sde.diffusion(t),
        "prior_sample": sde.prior_sampling(y, lambda _: golden["prior_noise"]),
    }
    for key, value in ours.items():
        assert (value - golden[key]).abs().max() <= 2e-6 * golden[key].abs().max(), key
