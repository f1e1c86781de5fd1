"""UDiffSE: EM with a diffusion prior and NMF noise."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods import create
from methods.diffusion.paths import OUVE, per_item
from methods.diffusion.paths.brownian_bridge import BBED
from methods.losses import Objective
from methods.nmf import FLOOR, NoiseModel, quiet_level
from methods.posterior_sampling import DiffPIR, Posterior, PosteriorSampling, combined
from methods.spectrogram import Spectrogram
from methods.udiffse import expectation_maximisation
from methods.weights import load, new_model, save
from tests.methods.family.reference2 import Reference2, near, replayed
from tests.methods.trained import losses

SMALL = {"width": 8, "multipliers": [1, 2]}
PATH = OUVE()


def divergence(power: Tensor, variance: Tensor) -> float:
    """Itakura-Saito's."""
    return float((power / variance - torch.log(power / variance) - 1).sum())


def gaussian_score(variance: Tensor) -> Any:
    """Of the process whose clean signal is complex Gaussian with this variance."""

    def score(x: Tensor, t: Tensor) -> Tensor:
        m, sigma = per_item(PATH.mean_weights(t)[0]), per_item(PATH.std(t))
        return -x / (m**2 * variance + sigma**2)

    return score


def test_each_update_of_the_noise_brings_it_nearer() -> None:
    torch.manual_seed(0)
    power = (torch.rand(20, 3) @ torch.rand(3, 30)) * torch.rand(20, 30).clamp(min=0.1)
    model = NoiseModel.drawn(3, torch.randn_like, power[None, None])
    distances = [divergence(power, model.variance)]
    for _ in range(20):
        model = model.fitted(power)
        distances.append(divergence(power, model.variance))
        assert torch.allclose(model.W.sum(-2), torch.ones(1, 3), atol=1e-5)
    assert all(after < before + 1e-4 for before, after in pairwise(distances))


def test_with_the_true_prior_only_what_is_like_speech_stays_and_the_likelihood_brings_it_nearer() -> None:
    """Speech in one half of the bins, noise everywhere."""
    generator = torch.Generator().manual_seed(0)

    def randn_like(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator)

    prior = torch.cat((torch.full((1, 1, 8, 40), 0.3), torch.full((1, 1, 8, 40), 1e-4)), dim=2)
    clean = prior.sqrt() * randn_like(torch.zeros(1, 1, 16, 40, dtype=torch.complex64))
    noisy = clean + 0.3 * randn_like(clean)
    score, given = gaussian_score(prior), noisy.expand(8, -1, -1, -1)

    def errors(found: Tensor) -> tuple[float, float]:
        error = (found.mean(0, keepdim=True) - clean).abs().square()
        return error[:, :, :8].mean().item(), error[:, :, 8:].mean().item()

    alone = errors(PosteriorSampling().sample(score, PATH, given, None, randn_like))
    guided = errors(PosteriorSampling().sample(score, PATH, given, torch.full((1, 1, 16, 40), 0.09), randn_like))
    assert guided[0] < 0.5 * alone[0] and guided[1] < 0.01 * errors(noisy)[1]
    noise = NoiseModel.drawn(1, randn_like, noisy)
    found = errors(expectation_maximisation(score, PATH, PosteriorSampling(), given, noise, 4, randn_like))
    assert found[0] < 0.9 * alone[0] and found[1] < 0.01 * errors(noisy)[1]


def test_noise_that_starts_quietly_leaves_the_speech() -> None:
    """The likelihood then acts from the first E-step; steps on the grid end at 0 and do not overshoot."""
    generator = torch.Generator().manual_seed(0)

    def randn_like(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator)

    clean = 0.3 * randn_like(torch.zeros(1, 1, 16, 40, dtype=torch.complex64))
    noisy = clean + 0.03 * randn_like(clean)
    noise = NoiseModel.drawn(4, randn_like, noisy).scaled(noisy, 0.1)
    assert float(noise.variance.mean()) == pytest.approx(0.1 * float(noisy.abs().square().mean()), rel=1e-4)
    sampling = PosteriorSampling(10, weight=1, every=1, stepping="grid")
    assert sum(sampling.grid()[1]) == pytest.approx(1)
    score = gaussian_score(torch.full((1, 1, 16, 40), 0.09))
    found = expectation_maximisation(score, PATH, sampling, noisy, noise, 1, randn_like, guided=True)
    alone = expectation_maximisation(score, PATH, sampling, noisy, noise, 1, randn_like)
    assert (found - clean).abs().square().mean() < 0.5 * (alone - clean).abs().square().mean()
    with pytest.raises(UserError, match="stepping"):
        PosteriorSampling(stepping="grids")


@pytest.mark.parametrize(("speech", "noise"), [(0.09, 0.09), (0.01, 0.09), (0.3, 0.01)])
def test_diffpir_ends_at_the_wiener_filter_of_a_gaussian_prior(speech: float, noise: float) -> None:
    generator = torch.Generator().manual_seed(0)

    def randn_like(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator)

    noisy = (speech + noise) ** 0.5 * randn_like(torch.zeros(8, 1, 64, 40, dtype=torch.complex64))
    variance = torch.full(noisy.shape, noise)
    found = DiffPIR(300, t_eps=0.01).sample(gaussian_score(torch.tensor(speech)), PATH, noisy, variance, randn_like)
    gain = (found * noisy.conj()).sum().real / noisy.abs().square().sum()
    assert float(gain) == pytest.approx(speech / (speech + noise), abs=0.02)


def test_the_combination_is_exact_where_the_estimates_error_is_known() -> None:
    """Gaussian speech of variance S seen twice: as the state x = m s + sigma z, and in noise of variance V."""
    S, V, m, sigma = 0.2, 0.05, 0.7, 0.3
    x, noisy = torch.tensor([0.4 - 0.1j]), torch.tensor([0.2 + 0.3j])
    precision = 1 / S + (m / sigma) ** 2
    estimate = x * m / sigma**2 / precision
    exact = (x * m / sigma**2 + noisy / V) / (precision + 1 / V)
    assert torch.allclose(combined(estimate, torch.tensor(1 / precision), noisy, torch.tensor(V)), exact)


def test_the_posterior_knows_the_noise_that_it_cannot_see() -> None:
    """Where the noisy power is what the variances say, so is the noise's, whatever part of it is in the speech."""
    speech = torch.tensor([0.0, 0.1, 0.3, 3.0])
    variance = torch.full((4,), 0.04)
    noisy = torch.sqrt(speech.square() + variance) * torch.exp(torch.tensor(1j))
    found = Posterior.filtered(speech, noisy, variance)
    assert torch.allclose(found.noise_power(noisy), variance)
    assert torch.allclose(found.mean[[0, 3]], noisy[[0, 3]] * torch.tensor([0.0, 9 / 9.04]))
    sample = Posterior(0.5 * noisy)
    assert torch.allclose(sample.noise_power(noisy), 0.25 * noisy.abs().square())


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_level_of_stationary_noise_is_found_from_a_low_quantile(power: float) -> None:
    generator = torch.Generator().manual_seed(0)
    level = torch.tensor([[0.01, 0.1], [1.0, 4.0]])
    noise = level[:, None, :, None] * torch.randn(2, 1, 2, 100_000, dtype=torch.complex64, generator=generator)
    compressed = torch.polar(noise.abs() ** power, noise.angle())
    expected = compressed.squeeze(1).abs().square().mean(-1)
    for quantile in (0.1, 0.3):
        found = quiet_level(compressed, quantile, power)
        assert torch.allclose(found, expected, rtol=0.05)
        padded = torch.nn.functional.pad(compressed, (0, 50_000))
        assert torch.equal(quiet_level(padded, quantile, power), found)
    assert torch.equal(quiet_level(torch.zeros(1, 1, 2, 64), 0.1, power), torch.full((1, 2), FLOOR))


def test_noise_that_starts_stationary_can_become_what_it_is() -> None:
    generator = torch.Generator().manual_seed(0)
    level = torch.rand(1, 16, generator=generator) + 0.1
    drawn = NoiseModel.drawn(2, lambda like: torch.randn(like.shape, generator=generator), torch.zeros(1, 1, 16, 40))
    model = drawn.stationary(level)
    assert torch.allclose(model.variance, level[..., None].expand(-1, -1, 40))
    power = level[..., None] * torch.cat((torch.full((1, 16, 20), 0.1), torch.ones(1, 16, 20)), dim=-1)
    power[:, :8, :20] *= 5
    stationary = divergence(power, power.mean(-1, keepdim=True).expand(-1, -1, 40))
    for _ in range(50):
        model = model.fitted(power)
    assert divergence(power, model.variance) < 0.1 * stationary


def test_iterations_with_the_filters_posterior_correct_the_noise() -> None:
    """Half of the bins have speech, as the prior knows; the noise starts at four times its variance."""
    generator = torch.Generator().manual_seed(0)

    def randn_like(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator)

    prior = torch.cat((torch.full((1, 1, 8, 200), 0.3), torch.full((1, 1, 8, 200), 1e-4)), dim=2)
    clean = prior.sqrt() * randn_like(torch.zeros(1, 1, 16, 200, dtype=torch.complex64))
    noisy = clean + 0.2 * randn_like(clean)
    start = NoiseModel.drawn(1, randn_like, noisy).stationary(torch.full((1, 16), 0.16))

    def error(iterations: int) -> float:
        score, given = gaussian_score(prior), (noisy, start, iterations, randn_like)
        found = expectation_maximisation(score, PATH, DiffPIR(10), *given, guided=True, filtered=True)
        return float((found - clean).abs().square().mean())

    assert error(10) < 0.7 * error(1) < 0.7 * float((noisy - clean).abs().square().mean())


def test_it_is_a_method_with_weights_whose_cost_is_counted(tmp_path: Path) -> None:
    model = new_model("udiffse", SMALL)
    save(tmp_path / "w.safetensors", model)
    assert load(tmp_path / "w.safetensors").sizes["score"]["inputs"] == 1
    clip = np.random.default_rng(0).normal(0, 0.1, 1500).astype(np.float32)
    for iterations, samples in ((1, 1), (2, 3)):
        method = create("udiffse", checkpoint=model, iterations=iterations, samples=samples)
        assert method.enhance(clip, 16000, 3, 0).nfe == 2 * 3 * iterations
        assert method.provenance()["iterations"] == iterations
    quick: dict[str, Any] = {"sampler": "diffpir", "posterior": "wiener", "quantile": 0.1}
    method = create("udiffse", checkpoint=model, iterations=2, samples=3, **quick)
    assert method.enhance(clip, 16000, 3, 0).nfe == 2 * 3
    assert quick.items() <= method.provenance().items() and "snr" not in method.provenance()
    clean, noisy = (model.spectrogram.forward(torch.randn(2, 1408)) for _ in range(2))
    t, z = torch.tensor([0.3, 0.8]), torch.randn_like(clean)
    one, other = (losses(model, Objective(), clean, given, t, z).total for given in (noisy, 2 * noisy))
    assert torch.equal(one, other)
    with pytest.raises(UserError, match="iterations, samples, rank and every must be at least 1"):
        create("udiffse", checkpoint=model, iterations=0)
    for wrong, told in (
        ({"sampler": "diffpri"}, "diffpir"),
        ({"posterior": "winer"}, "wiener"),
        ({"sampler": "diffpir", "snr": 0.4}, "sampler=diffpir takes no snr, likelihood, every or stepping"),
        ({"quantile": 0.1, "start": 0.3}, "without start"),
        ({"quantile": 1.0}, "between 0 and 1"),
    ):
        with pytest.raises(UserError, match=told):
            create("udiffse", checkpoint=model, **wrong)
    with pytest.raises(UserError, match="udiffse runs along the SDE ouve, not bbed"):
        create("udiffse", checkpoint=new_model("udiffse", SMALL, sde=BBED()))


@pytest.mark.parametrize(("factor", "largest"), [(0.15, 1.0), (0.33, 2.2)])
def test_the_noisy_speech_is_as_large_as_the_prior_knows_speech(
    factor: float, largest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Tensor] = []

    def noted(score: Any, path: Any, sampling: Any, noisy: Tensor, *_: Any, **__: Any) -> Tensor:
        given.append(noisy)
        return noisy

    monkeypatch.setattr("methods.udiffse.expectation_maximisation", noted)
    method = create(
        "udiffse", checkpoint=new_model("udiffse", SMALL, spectrogram=Spectrogram(factor=factor)), samples=1
    )
    clip = np.random.default_rng(0).normal(0, 0.1, 1500).astype(np.float32)
    np.testing.assert_allclose(method.enhance(clip, 16000, 3, 0).audio[:1280], clip[:1280], atol=1e-5)
    assert given[0].abs().max().item() == pytest.approx(largest)


def test_steps_are_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("sampler/udiffse.npz")
    noisy, score = a["X"].expand(2, -1, -1, -1), gaussian_score(a["prior_var"])
    noise = NoiseModel(a["W"][0, 0], a["H"][0, 0])
    for steps in (4, 30):
        for skip, variance in (("1", None), ("0", noise.variance[None, None])):
            sampling = PosteriorSampling(steps)
            found = sampling.sample(score, PATH, noisy, variance, replayed(a["noise_bank"]))
            near(found, a[f"posterior_N{steps}_skip{skip}"], 3e-4)
    fitted = noise.fitted((noisy - a["step_state"]).abs().square().mean(dim=(0, 1)))
    near(fitted.W, a["mstep_W"][0, 0], 1e-4)
    near(fitted.H, a["mstep_H"][0, 0], 1e-4)
    start = NoiseModel(a["em_W0"][None], a["em_H0"][None])
    found = expectation_maximisation(
        score, PATH, PosteriorSampling(4), noisy / a["em_NF"], start, 3, replayed(a["noise_bank"])
    )
    near(found[0], a["em_S"], 2e-3)
