"""The SDEs: closed forms."""

import math

import pytest
import torch

from bench.core.errors import UserError
from methods.diffusion.paths import OUVE, OUVP, SBVE, SDE, Path, path_from


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


def slope(values: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(values.sum(), t)
    return found


@pytest.mark.parametrize("sde", [OUVE(), OUVP(0.1, 2.0, 1.5)], ids=["ouve", "ouvp"])
def test_kernel_mean_follows_the_drift(sde: SDE) -> None:
    """d mean / dt = f(mean, t)."""
    x0, y = torch.tensor(0.7, dtype=torch.float64), torch.tensor(-0.2, dtype=torch.float64)
    t = torch.linspace(0.1, 0.9, 5, dtype=torch.float64, requires_grad=True)
    mean = sde.mean(x0, t, y)
    assert torch.allclose(slope(mean, t), sde.drift(mean, t, y)[:, 0, 0, 0])


def test_ouvp_takes_the_variance_for_the_standard_deviation() -> None:
    """d std / dt = -stiffness beta std + beta, the equation of a variance: the release's own formula."""
    sde, t = OUVP(0.1, 2.0, 1.5), torch.linspace(0.1, 0.9, 5, dtype=torch.float64, requires_grad=True)
    std = sde.std(t)
    assert torch.allclose(slope(std, t), sde.beta(t) * (1 - sde.stiffness * std))


def test_the_bridge_starts_at_the_clean_speech_and_ends_at_the_noisy() -> None:
    sde, x0, y = SBVE(), torch.randn(1, 1, 4, 4, dtype=torch.complex64), torch.randn(1, 1, 4, 4, dtype=torch.complex64)
    for t, end in ((0.0, x0), (1.0, y)):
        mean, std = sde.marginal_prob(x0, torch.tensor([t]), y)
        assert torch.allclose(mean, end, atol=1e-6) and std.item() < 2e-4
    assert sde.prior_sampling(y, lambda like: pytest.fail("nothing is to be drawn")) is y
    assert SBVE().std(torch.tensor([0.5])).item() > 0.3


def test_the_bridges_reference_process_gathers_its_own_variance() -> None:
    """d sigma^2 / dt = g^2, and what is gathered up to t and from t on is the whole."""
    sde, t = SBVE(), torch.linspace(0.1, 0.9, 5, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(slope(sde.sigma(t) ** 2, t), sde.diffusion(t) ** 2)
    whole = sde.sigma(torch.ones(1, dtype=torch.float64)) ** 2
    assert torch.allclose(sde.sigma(t) ** 2 + sde.sigma_bar(t) ** 2, whole.expand(5), rtol=1e-7)


@pytest.mark.parametrize("sde", [OUVE(), OUVP(0.1, 2.0), SBVE()], ids=["ouve", "ouvp", "sbve"])
def test_clean_speech_from_the_kernels_mean_and_a_path_from_its_configuration(sde: Path) -> None:
    x0, y = (torch.randn(2, 1, 3, 3, dtype=torch.complex64) for _ in range(2))
    t = torch.tensor([0.2, 0.7])
    assert torch.allclose(sde.clean(sde.mean(x0, t, y), t, y), x0, atol=1e-5)
    assert path_from(sde.config()) == sde


def test_unknown_sdes_and_parameters_are_answered_with_the_nearest() -> None:
    assert path_from({"theta": 2.0}) == OUVE(theta=2.0)
    with pytest.raises(UserError, match="did you mean 'ouve'"):
        path_from({"name": "ouvee"})
    with pytest.raises(UserError, match="did you mean 'theta'"):
        path_from({"teta": 2.0})
