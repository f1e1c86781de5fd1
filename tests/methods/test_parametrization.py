"""What a score network's output stands for; networks that begin as copies of predictive ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.core.errors import UserError
from methods.backbones import NCSNpp
from methods.backbones.warm_start import from_fewer_inputs, from_predictive
from methods.diffusion import paths
from methods.diffusion.parametrization import PARAMETRIZATIONS, ScorePrediction
from methods.diffusion.paths import OUVE, SBVE, SDE
from methods.diffusion.samplers import PredictorCorrector
from methods.losses import Objective
from methods.training.module import Optimiser, TrainingModule
from methods.weights import load, new_model, save
from tests.methods.trained import losses


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
    score = PARAMETRIZATIONS.create("clean").score(clean, mean + std * z, t, noisy, sde)
    torch.testing.assert_close(score, -z / std, rtol=1e-4, atol=1e-4)  # a difference is divided by a small square


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_ddim_reaches_a_known_clean_speech_in_any_number_of_steps(steps: int) -> None:
    sde, clean, noisy = OUVE(), noise(1, 1, 4, 4), noise(1, 1, 4, 4, seed=1)

    def score(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return PARAMETRIZATIONS.create("clean").score(clean, x, t, noisy, sde)

    sampler = PredictorCorrector(predictor="ddim", corrector="none", stepping="grid")
    found = sampler.sample(score, sde, noisy, steps, lambda x: noise(*x.shape, seed=2))
    torch.testing.assert_close(found, clean, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_a_warm_started_network_is_the_predictive_one_and_learns_from_all_it_is_given(inputs: int) -> None:
    denoiser = predictive()
    score = NCSNpp(inputs=inputs, width=8, multipliers=(1, 2), scale_by_time=False)
    from_predictive(score, denoiser)
    seen, others = noise(2, 1, 16, 8), noise(2, inputs - 1, 16, 8, seed=1)
    stack = torch.cat((others[:, :1], seen, others[:, 1:]), dim=1)
    for t in (torch.tensor([0.1, 0.4]), torch.ones(2)):
        torch.testing.assert_close(score(stack, t), denoiser(seen), rtol=1e-4, atol=1e-4)
    score(stack, t).abs().square().sum().backward()
    still = [name for name, p in score.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert all(name.startswith(("time0", "time1")) for name in still)  # their turn comes when ResBlock.time is not 0


@pytest.mark.parametrize("pyramids", [True, False])
def test_a_network_begun_as_one_of_fewer_inputs_ignores_the_others_and_learns_from_them(pyramids: bool) -> None:
    torch.manual_seed(0)
    given = NCSNpp(inputs=2, width=8, multipliers=(1, 2), scale_by_time=False, pyramids=pyramids)
    score = NCSNpp(inputs=3, width=8, multipliers=(1, 2), scale_by_time=False, pyramids=pyramids)
    with torch.no_grad():
        for parameter in given.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    from_fewer_inputs(score, given)
    stack, t = noise(2, 3, 16, 8), torch.tensor([0.1, 0.4])
    torch.testing.assert_close(score(stack, t), given(stack[:, :2], t), rtol=1e-4, atol=1e-4)
    score(stack, t).abs().square().sum().backward()
    assert not [
        name for name, p in score.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())
    ]


def test_with_a_zero_output_only_the_features_are_taken_over() -> None:
    score = NCSNpp(inputs=3, width=8, multipliers=(1, 2), scale_by_time=False)
    from_predictive(score, predictive(), zero_output=True)
    assert not score(noise(1, 3, 16, 8), torch.ones(1)).any()


def test_the_loss_of_a_clean_prediction_is_its_error() -> None:
    torch.manual_seed(0)
    model = new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]}, parametrization=PARAMETRIZATIONS.create("clean"))
    clean, noisy, z = (noise(2, 1, 16, 8, seed=s) for s in range(3))
    t = torch.tensor([0.2, 0.9])
    mean, std = model.sde.marginal_prob(clean, t, noisy)
    output = model.networks["score"](torch.cat((mean + std[:, None, None, None] * z, noisy), dim=1), t)
    found = losses(model, Objective(), clean, noisy, t, z).total
    torch.testing.assert_close(found, 0.5 * (clean - output).abs().square().sum() / 2)


def test_the_weights_file_remembers_the_parametrization(tmp_path: Path) -> None:
    save(
        tmp_path / "w.safetensors",
        new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]}, parametrization=PARAMETRIZATIONS.create("clean")),
    )
    model = load(tmp_path / "w.safetensors")
    assert model.parametrization == PARAMETRIZATIONS.create("clean")
    assert not model.networks["score"].scale_by_time


def test_an_unknown_prediction_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="clean"):
        PARAMETRIZATIONS.create("claen")


@pytest.mark.parametrize("sde", [OUVE(), SBVE()], ids=["ouve", "sbve"])
@pytest.mark.parametrize("predicts", ["score", "mean", "clean", "denoised"])
def test_every_prediction_gives_the_same_score_and_clean_speech(predicts: str, sde: SDE) -> None:
    t = torch.tensor([0.3, 0.8])
    clean, noisy, z = (noise(2, 1, 4, 4, seed=s) for s in range(3))
    mean, std = sde.marginal_prob(clean, t, noisy)
    std = std[:, None, None, None]
    x = mean + std * z
    prediction = {"score": -z / std, "mean": mean, "clean": clean, "denoised": clean}[predicts]
    parametrization = PARAMETRIZATIONS.create(predicts)
    torch.testing.assert_close(parametrization.score(prediction, x, t, noisy, sde), -z / std, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(parametrization.clean(prediction, x, t, noisy, sde), clean, rtol=1e-3, atol=1e-3)


def test_the_scalings_of_edm() -> None:
    """The network sees unit variance, and where it gives 0 the prediction is the best for Gaussian data."""
    sde, t, data = OUVE(), torch.tensor([0.1, 0.9]), 0.1
    edm = PARAMETRIZATIONS.create("clean", c_in="edm", c_out="edm", c_skip="edm", sigma_data=data)
    sigma = sde.std(t)
    assert torch.allclose(edm.input_scale(t, sde).flatten() ** 2 * (sigma**2 + data**2), torch.ones(2))
    x = noise(2, 1, 4, 4)
    wiener = (data**2 / (sigma**2 + data**2))[:, None, None, None] * x
    torch.testing.assert_close(edm.prediction(0 * x, x, t, x, sde), wiener)


@pytest.mark.parametrize("path", [OUVE(theta=4.0), SBVE()])
def test_a_denoised_prediction_is_what_the_state_holds_corrected_by_the_network(path: paths.Path) -> None:
    """Where the network gives 0: the best estimate of Gaussian speech. Where the state holds nothing: the network's."""
    data = 0.1
    denoised = PARAMETRIZATIONS.create("denoised", sigma_data=data)
    clean, noisy, z, output = (noise(2, 1, 4, 4, seed=s) for s in range(4))
    t = torch.tensor([0.1, 0.5])
    at = path.perturb(clean, t, noisy, z)
    level = at.std / at.a
    unmixed = clean + level * z
    wiener = data**2 / (level**2 + data**2) * unmixed
    torch.testing.assert_close(denoised.prediction(0 * output, at.x, t, noisy, path), wiener, rtol=1e-3, atol=1e-4)
    error = denoised.error(denoised.prediction(output, at.x, t, noisy, path), at)
    c_out = level / torch.sqrt(level**2 + data**2)
    weighted = denoised.weighting("")(at, data) * error
    torch.testing.assert_close(weighted, output - (clean - wiener) / c_out, rtol=1e-3, atol=1e-3)

    last = torch.ones(2)
    far = OUVE(theta=8.0)
    state = far.prior_sampling(noisy, torch.randn_like)
    torch.testing.assert_close(denoised.prediction(output, state, last, noisy, far), output, rtol=1e-2, atol=1e-2)


def test_a_denoised_prediction_takes_no_other_scalings() -> None:
    with pytest.raises(UserError, match="scalings of its own"):
        PARAMETRIZATIONS.create("denoised", c_skip="edm")


def test_the_time_embedding_may_be_of_sigma() -> None:
    t = torch.tensor([0.1, 0.9])
    assert torch.equal(ScorePrediction().time(t, OUVE()), t)
    assert torch.equal(ScorePrediction(time_input="sigma").time(t, OUVE()), OUVE().std(t))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"c_in": "edn"}, "did you mean 'edm'"),
        ({"network_scaling": "sigma"}, "did you mean '1/sigma'"),
        ({"time_input": "sigmas"}, "did you mean 'sigma'"),
    ],
)
def test_unknown_scalings_are_answered_with_the_nearest(options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ScorePrediction(**options)


def test_the_losses_weightings() -> None:
    """Each is the square root's square of the plain error; a weighting of another prediction is refused."""
    clean, noisy, z = (noise(1, 1, 16, 8, seed=s) for s in range(3))
    t = torch.tensor([0.6])
    sigma = OUVE().std(t).item()

    def loss(predicts: str, weighting: str) -> float:
        torch.manual_seed(0)
        model = new_model(
            "sgmse_m", {"width": 8, "multipliers": [1, 2]}, parametrization=PARAMETRIZATIONS.create(predicts)
        )
        return losses(model, Objective(score_weighting=weighting), clean, noisy, t, z).total.item()

    assert loss("score", "sigma^2") == pytest.approx(sigma**2 * loss("score", "1"), rel=1e-4)
    assert loss("mean", "sigma^2") == pytest.approx(sigma**2 * loss("mean", "1"), rel=1e-4)
    weight = (sigma**2 + 0.1**2) / (sigma * 0.1) ** 2
    assert loss("mean", "edm") == pytest.approx(weight * loss("mean", "1"), rel=1e-4)
    assert loss("clean", "1/FT") == pytest.approx(loss("clean", "1") / 128, rel=1e-4)
    with pytest.raises(UserError, match="predicts the score: 'edm'"):
        loss("score", "edm")


def test_the_waveforms_loss_is_for_clean_predictions() -> None:
    clean, noisy, z = (noise(1, 1, 256, 8, seed=s) for s in range(3))
    t = torch.tensor([0.6])
    model = new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]})
    with pytest.raises(UserError, match="predicts=clean"):
        TrainingModule(model, Objective(l1_weight=0.1), Optimiser())
    model = new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]}, parametrization=PARAMETRIZATIONS.create("clean"))
    plain, more = (losses(model, Objective(l1_weight=w), clean, noisy, t, z).total.item() for w in (0.0, 1000.0))
    assert more > plain
