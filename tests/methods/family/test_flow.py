"""Flow matching: the straight path, its velocity, and Euler's method along it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods import create
from methods.diffusion.parametrization import VelocityPrediction
from methods.diffusion.paths import OUVE
from methods.diffusion.paths.flow_matching import StraightFlow
from methods.diffusion.samplers import choose
from methods.diffusion.samplers.flow import FlowEuler
from methods.losses import Objective, SpectrogramBatch
from methods.weights import TrainedModel, new_model
from tests.methods.family.reference2 import Reference2, near, replayed
from tests.reference.checks.networks import network
from tests.reference.golden import Golden

SMALL = {"width": 8, "multipliers": [1, 2]}
PATH = StraightFlow()


def test_with_the_true_velocity_one_step_is_exact() -> None:
    x0, y = (torch.randn(2, 1, 4, 4, dtype=torch.complex64) for _ in range(2))
    for steps in (1, 2, 7):
        found = FlowEuler().sample(lambda x, t: x0, PATH, y, steps, torch.randn_like)
        assert torch.allclose(found, x0, atol=1e-5)


def test_velocity_clean_speech_and_score_are_one_statement() -> None:
    x0, y, z = (torch.randn(3, 1, 4, 4, dtype=torch.complex64) for _ in range(3))
    t = torch.tensor([0.1, 0.5, 1.0])
    at, predicted = PATH.perturb(x0, t, y, z), VelocityPrediction()
    velocity = (y - x0) + PATH.sigma_max * z
    assert predicted.error(velocity, at).abs().max() < 1e-4
    assert torch.allclose(predicted.clean(velocity, at.x, t, y, PATH), x0, atol=1e-5)
    assert torch.allclose(predicted.score(velocity, at.x, t, y, PATH) * at.std, -z, atol=1e-3)


def test_what_needs_a_straight_path_says_so() -> None:
    model = new_model("sgmse_m", SMALL, parametrization=VelocityPrediction())
    with pytest.raises(UserError, match="predicts=velocity needs a straight path"):
        create("sgmse_m", checkpoint=model)
    with pytest.raises(UserError, match="FlowEuler cannot run along the SDE ouve"):
        choose(OUVE(), {"sampler": "flow_euler"}, {}, 0.03)


@pytest.mark.parametrize("method", ["sgmse_m", "storm", "refinement"])
def test_every_diffusion_method_runs_along_it(method: str) -> None:
    model = new_model(method, SMALL, sde=PATH, parametrization=VelocityPrediction())
    made = create(method, checkpoint=model).enhance(torch.randn(900).numpy(), 16000, 3, 0)
    assert made.nfe == 3 + ("denoiser" in model.networks)


def model() -> TrainedModel:
    built = network(Golden("sde/ouve_default.npz"), "m_score4_nf8")
    return TrainedModel("sgmse_m", {"score": {}}, {"score": built}, sde=PATH, parametrization=VelocityPrediction())


def test_path_sampler_and_loss_are_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("sde/flowse_path.npz")
    near(PATH.mean(a["x0"], a["t"], a["y"]), a["mean"], 1e-5)
    near(PATH.std(a["t"]), a["std"], 1e-5)
    near(PATH.prior_sampling(a["y"], replayed(a["prior_noise"][None])), a["prior_sample"], 1e-5)
    a = reference2.arrays("sampler/flowse_euler.npz")
    method: Any = create("sgmse_m", checkpoint=model(), device="cpu")
    for steps in (1, 2, 5):
        with torch.inference_mode():
            found = method.sample(a["Y"], (a["Y"],), steps, replayed(a["prior_noise"][None]))
        near(found, a[f"net_N{steps}_out"], 2e-3)
    a = reference2.arrays("loss/flowse_loss.npz")
    batch = SpectrogramBatch(a["X"], a["Y"], a["t"], a["Z"])
    loss: Tensor = method.spectrogram_loss(batch, Objective()).total
    near(loss, torch.tensor(reference2.json("loss/flowse_loss.json")["loss"]), 1e-4)
