"""Conv-TasNet and GaGNet as methods, and any predictive method before StoRM and refinement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from methods import create
from methods.backbones.base import Backbone
from methods.losses import Objective, negative_si_sdr
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel, load, new_model, save
from tests.methods.family.reference2 import FIRST, Reference2, bank, from_bank, near
from tests.methods.family.test_networks import SIZES, released
from tests.methods.trained import losses
from tests.reference.checks.systems import storm_model
from tests.reference.golden import Golden

SMALL = {"width": 8, "multipliers": [1, 2]}
TINY: dict[str, dict[str, Any]] = {
    "convtasnet": {"filters": 16, "channels": 8, "hidden": 16, "layers": 2, "stacks": 1},
    "gagnet": {"channels": 4, "hidden": 4, "groups": 1, "stages": 1, "dilations": [1]},
}
CLIP = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)


def tiny(name: str) -> TrainedModel:
    return new_model(name, own={"size": TINY[name]})


@pytest.mark.parametrize("name", TINY)
def test_they_are_methods_with_weights_files(name: str, tmp_path: Path) -> None:
    model = tiny(name)
    save(tmp_path / "w.safetensors", model)
    again = load(tmp_path / "w.safetensors")
    assert again.settings == model.settings
    made = create(name, checkpoint=str(tmp_path / "w.safetensors")).enhance(CLIP, 16000)
    assert made.nfe == 1 and np.array_equal(made.audio, create(name, checkpoint=model).enhance(CLIP, 16000).audio)
    other = next(other for other in TINY if other != name)
    with pytest.raises(UserError, match=f"these weights are for the method '{name}', not '{other}'"):
        create(other, checkpoint=str(tmp_path / "w.safetensors"))
    assert create("ncsnpp_m", checkpoint=str(tmp_path / "w.safetensors")).enhance(CLIP, 16000).nfe == 1


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("loss", ["mse", "mae", "sisdr"])
def test_every_loss_trains_them(name: str, loss: str) -> None:
    model = tiny(name)
    clean, noisy = (model.spectrogram.forward(torch.randn(2, 1408)) for _ in range(2))
    value = losses(model, Objective(supervised_loss=loss), clean, noisy, torch.ones(2), torch.zeros_like(clean)).total
    value.backward()
    unused = {id(p) for p in model.networks["denoiser"].unused()}
    assert all(p.grad is not None for p in model.networks["denoiser"].parameters() if id(p) not in unused)


def test_si_sdr_does_not_depend_on_the_level() -> None:
    clean, noise = torch.randn(2, 100), torch.randn(2, 100)
    noise -= (noise * clean).sum(1, keepdim=True) / clean.square().sum(1, keepdim=True) * clean
    noise *= 0.1 * clean.norm(dim=1, keepdim=True) / noise.norm(dim=1, keepdim=True)
    for level in (1.0, 7.0):
        assert torch.allclose(negative_si_sdr(level * (clean + noise), clean), torch.tensor(-20.0), atol=1e-3)
    with pytest.raises(UserError, match="sisdr is of predictive methods, not of storm"):
        create("storm", checkpoint=new_model("storm", SMALL)).check_objective(Objective(supervised_loss="sisdr"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["storm", "refinement"])
@pytest.mark.parametrize("name", TINY)
def test_they_are_trained_with_a_score_network(method: str, name: str, tmp_path: Path) -> None:
    model = new_model(method, SMALL, {"predictor": {"backbone": name, **TINY[name]}})
    assert model.sizes["denoiser"]["backbone"] == name and "backbone" not in model.sizes["score"]
    clean, noisy = (model.spectrogram.forward(torch.randn(2, 1408)) for _ in range(2))
    losses(model, Objective(), clean, noisy, torch.full((2,), 0.5), torch.randn_like(clean)).total.backward()
    save(tmp_path / "w.safetensors", model)
    made = create(method, checkpoint=str(tmp_path / "w.safetensors")).enhance(CLIP, 16000, 2, 0)
    assert made.nfe == 3
    own = create(name, checkpoint=str(tmp_path / "w.safetensors")).enhance(CLIP, 16000)
    assert made.estimate is not None and np.allclose(own.audio, made.estimate, atol=1e-6)


@pytest.mark.parametrize("method", ["storm", "refinement"])
@pytest.mark.parametrize(
    ("predictor", "calls"), [("logmmse", 0), ({"name": "wiener"}, 0), ("noisy", 0), ("gtcrn", 1), ("ncsnpp_m", 1)]
)
def test_any_predictive_method_comes_before_the_score_network(method: str, predictor: Any, calls: int) -> None:
    model = new_model(method, SMALL)
    try:
        whole: Any = create(method, checkpoint=model, predictor=predictor)
    except UserError as error:
        pytest.skip(str(error))  # weights that are not fetched here
    made = whole.enhance(CLIP, 16000, 2, 0)
    assert made.nfe == 2 + calls and made.estimate is not None
    name = predictor if isinstance(predictor, str) else predictor["name"]
    alone = create(name).enhance(CLIP / np.abs(CLIP).max(), 16000)
    assert np.corrcoef(alone.audio[:2000], made.estimate[:2000])[0, 1] > 0.99
    assert whole.provenance()["predictor"]["name"] == name


def test_what_is_no_predictive_method_is_refused_and_a_samplers_predictor_is_one() -> None:
    model = new_model("storm", SMALL)
    for predictor, message in (
        ("sgmse_m", "predictor=sgmse_m: a predictive method needs no noise"),
        ("gagent", "did you mean 'gagnet'"),
        ({"name": "noisy", "gain": 2}, "gain"),
    ):
        with pytest.raises(UserError, match=message):
            create("storm", checkpoint=model, predictor=predictor)
    method: Any = create("storm", checkpoint=model, predictor="probability_flow")
    assert method.provenance()["sampler"]["predictor"] == "probability_flow" and method.predictor is None


def model_of(reference2: Reference2, tag: str) -> TrainedModel:
    size = {**SIZES[tag], **({"aligned": False} if tag.startswith("convtasnet") else {})}
    name = size.pop("backbone")
    network: Backbone = released(reference2, tag)
    whole = {"denoiser": {"backbone": name, **size}}
    return TrainedModel(name, whole, {"denoiser": network}, settings={"size": size})


@pytest.mark.parametrize(
    ("tag", "loss"), [("convtasnet_small", "sisdr"), ("gagnet_f256", "mse"), ("gagnet_f256", "mae")]
)
def test_losses_are_the_released_codes(reference2: Reference2, tag: str, loss: str) -> None:
    a, expected = reference2.arrays("loss/predictor_losses.npz"), reference2.json("loss/predictor_losses.json")
    model = model_of(reference2, tag)
    found = losses(model, Objective(supervised_loss=loss), a["X"], a["Y"], torch.ones(2), a["X"]).total
    near(found, torch.tensor(expected[f"{tag}/{loss}"]["loss"]), 1e-4)
    found.backward()
    squares = [p.grad.square().sum() for p in model.networks["denoiser"].parameters() if p.grad is not None]
    near(torch.stack(squares).sum().sqrt(), torch.tensor(expected[f"{tag}/{loss}"]["grad_norm"]), 1e-3)


@pytest.mark.parametrize("tag", ["convtasnet_small", "gagnet_f256"])
def test_joint_losses_are_the_released_codes(reference2: Reference2, tag: str) -> None:
    a = reference2.arrays("loss/storm_swapped_joint_inputs.npz")
    expected = reference2.json("loss/storm_swapped_joint_losses.json")[tag]
    model = storm_model(Golden("sde/ouve_default.npz"), "storm")
    model.networks["denoiser"] = model_of(reference2, tag).networks["denoiser"]
    t = a["u"] * 0.97 + 0.03
    found = losses(model, Objective(), a["X"], a["Y"], t, a["Z"])
    near(found.total, torch.tensor(expected["loss"]), 1e-4)
    near(found.parts["score"], torch.tensor(expected["loss_score"]), 1e-4)
    near(found.parts["supervised"], torch.tensor(expected["loss_denoiser"]), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["convtasnet_small", "gagnet_f256"])
def test_enhanced_speech_is_the_released_codes(reference2: Reference2, tag: str) -> None:
    a = reference2.arrays("enhance/storm_swapped_predictor.npz")
    noisy, model = a["noisy"].numpy(), model_of(reference2, tag)
    alone: Any = create(model.method, checkpoint=model, device="cpu")
    near(torch.from_numpy(alone.enhance(noisy, 16000).audio), a[f"{tag}/disc"], 2e-3)
    for condition, key in (("both", "storm_both"), ("post_denoiser", "storm_post_denoiser")):
        whole: Any = create(
            "storm",
            checkpoint=storm_model(Golden("sde/ouve_default.npz"), "storm", condition),
            predictor={"name": model.method, "checkpoint": model},
        )
        made = whole.enhance_waveform(noisy, 3, from_bank(bank(FIRST / "enhance")))
        assert made.nfe == 4
        near(torch.from_numpy(made.audio), a[f"{tag}/{key}_none_N3"], 2e-3)
        if condition == "both":
            near(torch.from_numpy(made.estimate), a[f"{tag}/storm_both_denoiser_only"], 2e-3)


def test_the_release_shifts_by_sixteen_samples(reference2: Reference2) -> None:
    """What goes into its network and comes out of it, every 16th sample: out[j] lies at in[j - 16]."""
    a = reference2.arrays("enhance/storm_swapped_predictor.npz")
    assert a["convtasnet_small/net_waveform_out"].numel() - a["convtasnet_small/net_waveform_in"].numel() == 3
    assert Spectrogram().samples(192) == int(a["convtasnet_small/net_waveform_in_len"][-1])
