"""What a score network's output stands for; networks that begin as copies of predictive ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.core.errors import UserError
from methods.backbones import NCSNpp
from methods.parametrization import Parametrization
from methods.samplers import PredictorCorrector
from methods.sdes import OUVE
from methods.training.objectives import Objective, losses
from methods.training.warm_start import from_predictive
from methods.weights import load, new_system, save


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def predictive(width: int = 8) -> NCSNpp:
    """A predictive network with no layer at zero."""
    network = NCSNpp(inputs=1, width=width, multipliers=(1, 2), conditional=False)
    with torch.no_grad():
        for i, parameter in enumerate(network.parameters()):
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i)))
    return network


def test_a_clean_prediction_gives_the_score_of_the_perturbation_kernel_around_it() -> None:
    sde, t = OUVE(), torch.tensor([0.1, 0.8])
    clean, noisy, z = (noise(2, 1, 4, 4, seed=s) for s in range(3))
    mean, std = sde.marginal_prob(clean, t, noisy)
    std = std[:, None, None, None]
    score = Parametrization("clean").score(clean, mean + std * z, t, noisy, sde)
    torch.testing.assert_close(score, -z / std, rtol=1e-4, atol=1e-4)  # a difference is divided by a small square


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_ddim_reaches_a_known_clean_speech_in_any_number_of_steps(steps: int) -> None:
    sde, clean, noisy = OUVE(), noise(1, 1, 4, 4), noise(1, 1, 4, 4, seed=1)

    def score(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return Parametrization("clean").score(clean, x, t, noisy, sde)

    sampler = PredictorCorrector(predictor="ddim", corrector="none", stepping="grid")
    found = sampler.sample(score, sde, noisy, steps, lambda x: noise(*x.shape, seed=2))
    torch.testing.assert_close(found, clean, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("inputs", [2, 3])
def test_a_warm_started_network_is_the_predictive_one_and_learns_from_all_it_is_given(inputs: int) -> None:
    denoiser = predictive()
    score = NCSNpp(inputs=inputs, width=8, multipliers=(1, 2), scale_by_time=False)
    from_predictive(score, denoiser)
    seen, state = noise(2, 1, 16, 8), noise(2, inputs - 1, 16, 8, seed=1)
    stack = torch.cat((state[:, :1], seen, state[:, 1:]), dim=1)
    for t in (torch.tensor([0.1, 0.4]), torch.ones(2)):
        torch.testing.assert_close(score(stack, t), denoiser(seen), rtol=1e-4, atol=1e-4)
    score(stack, t).abs().square().sum().backward()
    still = [name for name, p in score.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert all(name.startswith(("time0", "time1")) for name in still)  # their turn comes when ResBlock.time is not 0


def test_with_a_zero_output_only_the_features_are_taken_over() -> None:
    score = NCSNpp(inputs=3, width=8, multipliers=(1, 2), scale_by_time=False)
    from_predictive(score, predictive(), zero_output=True)
    assert not score(noise(1, 3, 16, 8), torch.ones(1)).any()


def test_the_loss_of_a_clean_prediction_is_its_error() -> None:
    torch.manual_seed(0)
    system = new_system("sgmse_m", 8, (1, 2), parametrization=Parametrization("clean"))
    clean, noisy, z = (noise(2, 1, 16, 8, seed=s) for s in range(3))
    t = torch.tensor([0.2, 0.9])
    mean, std = system.sde.marginal_prob(clean, t, noisy)
    output = system.networks["score"](torch.cat((mean + std[:, None, None, None] * z, noisy), dim=1), t)
    found = losses(system, Objective(), clean, noisy, t, z).total
    torch.testing.assert_close(found, 0.5 * (clean - output).abs().square().sum() / 2)


def test_the_weights_file_remembers_the_parametrization(tmp_path: Path) -> None:
    save(tmp_path / "w.safetensors", new_system("sgmse_m", 8, (1, 2), parametrization=Parametrization("clean")))
    system = load(tmp_path / "w.safetensors")
    assert system.parametrization == Parametrization("clean")
    assert not system.networks["score"].scale_by_time


def test_an_unknown_prediction_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="clean"):
        Parametrization("claen")
