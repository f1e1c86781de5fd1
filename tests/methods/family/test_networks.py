"""Conv-TasNet, GaGNet and DCUNet: sizes, truths, and the released codes' numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods import create
from methods.backbones import Backbone
from methods.backbones.base import build
from methods.backbones.convtasnet import ConvTasNet
from methods.backbones.dcunet import DCUNet
from methods.backbones.gagnet import GaGNet
from methods.losses import Objective, half_norm
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel
from tests.methods.family.reference2 import Reference2, bank, from_bank, near
from tests.methods.trained import losses

SIZES: dict[str, dict[str, Any]] = {
    "convtasnet_small": {
        "backbone": "convtasnet",
        "filters": 32,
        "channels": 16,
        "hidden": 64,
        "layers": 3,
        "stacks": 2,
    },
    "convtasnet_full": {"backbone": "convtasnet"},
    "gagnet_small": {
        "backbone": "gagnet",
        **{"bins": 65, "channels": 8, "hidden": 8, "groups": 1, "stages": 2, "dilations": (1, 2)},
    },
    "gagnet_f256": {"backbone": "gagnet", "channels": 8, "hidden": 8, "groups": 1, "stages": 2, "dilations": (1, 2)},
    "gagnet_full": {"backbone": "gagnet"},
    "dcunet_small_cli": {"backbone": "dcunet", "width": 4, "embedding": 16},
    "dcunet_small_2022": {
        "backbone": "dcunet",
        **{"width": 4, "embedding": 16, "global_layers": 2, "activation": "relu"},
    },
    "dcunet_full_cli": {"backbone": "dcunet"},
    "dcunet_full_2022": {"backbone": "dcunet", "global_layers": 2, "activation": "relu"},
}
SIZES["convtasnet_small_causal"] = {**SIZES["convtasnet_small"], "causal": True}


def released(reference2: Reference2, tag: str) -> Backbone:
    size = dict(SIZES[tag])
    if size["backbone"] == "convtasnet":
        size["aligned"] = False
    network = build(size).eval()
    network.load_state_dict({network.renamed(key): value for key, value in reference2.weights(tag).items()})
    return network


@pytest.mark.parametrize(
    ("tag", "parameters"),
    [
        ("convtasnet_full", 4_918_193),
        ("gagnet_full", 11_782_153),
        ("dcunet_full_cli", 3_531_970),
        ("dcunet_full_2022", 3_564_994),
    ],
)
def test_parameters_are_as_many_as_the_releases(tag: str, parameters: int) -> None:
    with torch.device("meta"):
        network = build(SIZES[tag])
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_convtasnet_gives_back_as_many_samples_or_those_of_the_release() -> None:
    size = {key: value for key, value in SIZES["convtasnet_small"].items() if key != "backbone"}
    torch.manual_seed(0)
    network = ConvTasNet(**size)
    shifted = ConvTasNet(**size, aligned=False)
    shifted.load_state_dict(network.state_dict())
    for samples, released_samples in ((1, 48), (15, 48), (16, 80), (48, 112), (1600, 1648)):
        x = torch.randn(2, samples)
        ours, theirs = network(x), shifted(x)
        assert ours.shape == (2, samples) and theirs.shape == (2, released_samples)
        assert torch.equal(theirs[:, 16 : 16 + samples], ours)


def test_a_causal_convtasnet_does_not_look_ahead() -> None:
    torch.manual_seed(0)
    network = ConvTasNet(filters=8, channels=4, hidden=8, layers=2, stacks=2, causal=True)
    x = torch.randn(1, 800)
    changed = x.clone()
    changed[:, 400:] += 1
    assert torch.allclose(network(x)[:, :368], network(changed)[:, :368], atol=1e-6)


def test_gagnet_masks_and_takes_any_frames_and_fewer_bins() -> None:
    network = GaGNet(bins=65, channels=4, hidden=4, groups=1, stages=1, dilations=(1,))
    for bins, frames in ((64, 5), (65, 2), (33, 7)):
        x = torch.randn(2, 1, bins, frames, dtype=torch.complex64)
        assert network(x).shape == x.shape
        assert (network(x).abs() <= x.abs() * 2**0.5 + 1e-6).all()
    with pytest.raises(UserError, match="bins=256: with every halving it must stay odd"):
        GaGNet(bins=256)
    with pytest.raises(UserError, match="a predictive network"):
        GaGNet(conditional=True)


def test_dcunet_is_linear_in_no_more_than_it_should_and_pads_its_frames() -> None:
    network = DCUNet(width=2, embedding=8).eval()
    for frames in (5, 6, 8):
        x = torch.randn(2, 2, 129, frames, dtype=torch.complex64)
        together = network(x, torch.tensor([0.1, 0.9]))
        assert together.shape == (2, 1, 129, frames)
        assert torch.allclose(network(x[1:], torch.tensor([0.9])), together[1:], atol=1e-5)
    with pytest.raises(UserError, match="as n_fft=512 gives, not 32"):
        network(torch.zeros(1, 2, 32, 8, dtype=torch.complex64), torch.ones(1))


@pytest.mark.parametrize("tag", ["convtasnet_small", "convtasnet_small_causal", "convtasnet_full"])
def test_convtasnet_is_the_released_codes(reference2: Reference2, tag: str) -> None:
    network, a = released(reference2, tag), reference2.arrays(f"nets/{tag}.io.npz")
    for name in (key for key in a if key.startswith("in_")):
        with torch.inference_mode():
            near(network(a[name]), a[name.replace("in_", "out_")], 1e-3 if tag.endswith("causal") else 1e-4)


@pytest.mark.parametrize("tag", ["gagnet_small", "gagnet_f256", "gagnet_full"])
def test_gagnet_is_the_released_codes(reference2: Reference2, tag: str) -> None:
    a = reference2.arrays(f"nets/{tag}.io.npz")
    with torch.inference_mode():
        near(released(reference2, tag)(a["input"]), a["output"], 1e-4)


@pytest.mark.parametrize("tag", ["dcunet_small_cli", "dcunet_small_2022", "dcunet_full_cli", "dcunet_full_2022"])
def test_dcunet_is_the_released_codes(reference2: Reference2, tag: str) -> None:
    network, a = released(reference2, tag), reference2.arrays(f"nets/{tag}.io.npz")
    for frames in ("T24", "T25"):
        if f"in_{frames}" in a:
            with torch.inference_mode():
                found: Tensor = network(a[f"in_{frames}"], a[f"t_{frames}"])
            near(found, a[f"out_{frames}"], 1e-4)


def sgmse(network: Backbone, factor: float = 0.15) -> TrainedModel:
    """SGMSE of 2022 with this network."""
    return TrainedModel("sgmse_m", {"score": {}}, {"score": network}, spectrogram=Spectrogram(n_fft=512, factor=factor))


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_loss_with_dcunet_is_the_released_codes(reference2: Reference2, mode: str) -> None:
    """With the running statistics, and with the batch's."""
    a, expected = reference2.arrays("loss/dcunet_loss.npz"), reference2.json("loss/dcunet_loss.json")[mode]
    model = sgmse(released(reference2, "dcunet_small_cli"))
    at = model.sde.perturb(a["X"], a["t"], a["Y"], a["Z"])
    network = model.networks["score"].train(mode == "train")
    loss = half_norm(at.std * -network(torch.cat((at.x, a["Y"]), dim=1), a["t"]) + a["Z"], "mse").mean()
    near(loss, torch.tensor(expected["loss"]), 1e-4)
    loss.backward()
    squares = [p.grad.square().sum() for p in network.parameters() if p.grad is not None]
    near(torch.stack(squares).sum().sqrt(), torch.tensor(expected["grad_norm"]), 1e-3)
    if mode == "eval":
        near(losses(model, Objective(), a["X"], a["Y"], a["t"], a["Z"]).total, torch.tensor(expected["loss"]), 1e-4)
    else:
        norm: Any = network.encoders[0].norm.re
        near(norm.running_mean, a["train_enc0_re_running_mean_after"], 1e-4)
        near(norm.running_var, a["train_enc0_re_running_var_after"], 1e-4)


@pytest.mark.slow
def test_enhanced_speech_with_dcunet_is_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("enhance/dcunet_enhance.npz")
    for case in reference2.json("enhance/dcunet_enhance.json"):
        factor = float(case["tag"].partition("_")[0].removeprefix("f"))
        method: Any = create(
            "sgmse_m",
            checkpoint=sgmse(released(reference2, "dcunet_small_cli"), factor),
            device="cpu",
            corrector=case.get("corrector", "ald"),
            stepping="grid",
        )
        noise = from_bank(bank(reference2.folder / "enhance", "noise_bank_1x1x257x192.npz"))
        made = method.enhance_waveform(a["noisy"].numpy(), case["N"], noise)
        near(torch.from_numpy(made.audio), a[case["tag"]], 2e-3)
