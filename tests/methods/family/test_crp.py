"""CRP: training along the reverse process."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.core.errors import UserError
from methods import create
from methods.crp import ReverseTraining, reverse_loss
from methods.diffusion.paths import OUVE, SBVE, SDE, per_item
from methods.diffusion.paths.brownian_bridge import BBED
from methods.diffusion.samplers import PredictorCorrector
from methods.losses import Objective, SpectrogramBatch
from methods.weights import TrainedModel, new_model
from tests.methods.family.reference2 import FIRST, Reference2, bank, from_bank, near, replayed
from tests.reference.checks.networks import network
from tests.reference.golden import Golden

SMALL = {"width": 8, "multipliers": [1, 2]}
PATHS = {"BBED": BBED(), "OUVESDE": OUVE(), "OUVE": OUVE()}


def complex_pair(frames: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.randn(2, 1, 256, frames, dtype=torch.complex64) for _ in range(2))  # type: ignore[return-value]


def test_the_loss_is_that_of_what_is_sampled() -> None:
    """With the noise of sampling, the last step's loss is half the squared distance of its output to clean speech."""
    model = new_model("crp", SMALL, sde=BBED())
    for parameter in model.networks["score"].parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    method: Any = create("crp", checkpoint=model, device="cpu", start=0.4)
    clean, noisy = complex_pair()
    noise = torch.randn(4, *clean.shape, dtype=torch.complex64)
    with torch.inference_mode():
        made = method.sample(noisy, (noisy,), 3, replayed(noise))
    loss = reverse_loss(model, clean, noisy, 0.4, 3, 2, replayed(noise))
    assert torch.allclose(loss, 0.5 * (made - clean).abs().square().flatten(1).sum(1), rtol=1e-4)


def test_only_the_counted_step_has_a_gradient_and_draws_come_from_the_generator() -> None:
    model = new_model("crp", SMALL, {"fewest": 2, "most": 4, "earliest": 0.4, "latest": 0.7, "counted": "random"})
    method: Any = create("crp", checkpoint=model, device="cpu")
    clean, noisy = complex_pair()
    values = []
    for seed in (0, 0, 1):
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(clean.shape, dtype=clean.dtype, generator=generator)
        batch = SpectrogramBatch(clean, noisy, torch.ones(2), z, generator)
        values.append(method.spectrogram_loss(batch, Objective()).total.item())
    assert values[0] == values[1] != values[2]


def test_settings_that_make_no_sense_are_refused() -> None:
    for own, message in (
        ({"fewest": 3, "most": 2}, "fewest and most"),
        ({"earliest": 0.0}, "earliest and latest"),
        ({"counted": "lst"}, "did you mean 'last'"),
    ):
        with pytest.raises(UserError, match=message):
            ReverseTraining(**own)  # type: ignore[arg-type]
    method: Any = create("crp", checkpoint=new_model("crp", SMALL, {"latest": 1.0}, sde=BBED()), start=0.5)
    with pytest.raises(UserError, match=r"latest=1.0: the SDE's largest time is 0.999"):
        method.check_objective(Objective())
    assert isinstance(BBED(), SDE) and not isinstance(SBVE(), SDE)


def test_the_sampler_is_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("sampler/crp_eum_analytic.npz")
    x0, y = a["x0"], a["y"]
    for case in reference2.json("sampler/crp_eum_analytic.json"):
        path: Any = OUVE() if case["tag"].startswith("ouve") else BBED()
        sampler = PredictorCorrector("euler_maruyama", "none", stepping="grid", start=case["start"])
        found = sampler.sample(
            lambda x, t, path=path: -(x - path.mean(x0, t, y)) / per_item(path.std(t)) ** 2,
            path,
            y,
            case["N"],
            replayed(a["noise_bank"]),
        )
        near(found, a[f"{case['tag']}_out"], 3e-4)


def released(path: SDE, tag: str, **more: Any) -> TrainedModel:
    built = network(Golden("sde/ouve_default.npz"), tag)
    return TrainedModel("crp", {"score": {}}, {"score": built}, sde=path, **more)


def test_a_training_step_is_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("loss/crp_training_step.npz")
    for case in reference2.json("loss/crp_training_step.json"):
        model = released(PATHS[case["sde"]], "m_score4_nf8")
        loss = reverse_loss(
            model, a["X"], a["Y"], case["start"], case["N"], case["stop_index"], replayed(a["noise_bank"])
        ).mean()
        near(loss, torch.tensor(case["loss"]), 1e-4)
        loss.backward()
        squares = [p.grad.square().sum() for p in model.networks["score"].parameters() if p.grad is not None]
        near(torch.stack(squares).sum().sqrt(), torch.tensor(case["grad_norm"]), 1e-3)


@pytest.mark.slow
def test_enhanced_speech_is_the_released_codes(reference2: Reference2) -> None:
    from methods.spectrogram import Spectrogram

    a = reference2.arrays("enhance/crp_enhance.npz")
    for case in reference2.json("enhance/crp_enhance.json"):
        model = released(PATHS[case["sde"]], "sgmse_ncsnpp_nf8", spectrogram=Spectrogram(factor=0.15))
        method: Any = create("crp", checkpoint=model, device="cpu", start=case["start"])
        noise = from_bank(bank(FIRST / "enhance"))
        made = method.enhance_waveform(a["noisy"].numpy(), case["N"], noise)
        assert made.nfe == case["N"]
        near(torch.from_numpy(made.audio), a[f"{case['tag']}_xhat"], 2e-3)
