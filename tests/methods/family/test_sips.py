"""SIPS: a prior of clean speech after a predictor."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods import create
from methods.backbones.edm2 import EDM2UNet
from methods.backbones.magnitude_preserving import blend, concatenated, normalised
from methods.sips import SQRT2, gamma, gamma_slope, interpolate, prior_loss
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel, load, new_model, save
from tests.methods.family.reference2 import Reference2, near

TINY: dict[str, Any] = {"width": 8, "multipliers": [1, 2], "blocks": 1, "attention_heights": [], "logvar_width": 4}
SMALL: dict[str, Any] = {
    **{"width": 32, "multipliers": [1, 2, 2], "blocks": 1, "attention_heights": [8], "height": 32, "logvar_width": 16}
}
STFT = Spectrogram(n_fft=512, factor=0.9375, padding="reflect")


def tiny() -> TrainedModel:
    torch.manual_seed(0)
    return new_model("sips", own={"size": TINY}, spectrogram=STFT)


def as_complex(x: Tensor) -> Tensor:
    return torch.complex(x[:, :1], x[:, 1:])


def as_real(x: Tensor) -> Tensor:
    return torch.cat((x.real, x.imag), dim=1)


def test_layers_keep_the_magnitude() -> None:
    a, b = torch.randn(4, 64, 16, 16), torch.randn(4, 64, 16, 16)
    for x in (blend(a, b, 0.3), concatenated(a, 3 * b[:, :16]), normalised(7 * a, [1])):
        assert x.std().item() == pytest.approx(1 if x.shape[1] == 64 else math.sqrt((1 + 9) / 2), rel=0.05)


def test_without_the_network_it_ends_at_the_predictors_estimate() -> None:
    start, velocity = (torch.randn(2, 1, 4, 4, dtype=torch.complex64) for _ in range(2))
    found = interpolate(lambda x, t: torch.zeros_like(x), start, velocity, 7, 0.0, torch.randn_like)
    assert torch.allclose(found, start + velocity, atol=1e-5)
    t = torch.linspace(0, 1, 11, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(gamma(t).sum(), t)
    assert torch.allclose(slope, gamma_slope(t))


def test_it_is_a_method_with_weights_whose_cost_is_counted(tmp_path: Path) -> None:
    model = tiny()
    save(tmp_path / "w.safetensors", model)
    assert load(tmp_path / "w.safetensors").settings == model.settings
    clip = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)
    for kappa, stochastic in ((0.0, False), (0.2, True)):
        method = create("sips", checkpoint=model, predictor="logmmse", kappa=kappa)
        one, other = (method.enhance(clip, 16000, 3, seed) for seed in (0, 1))
        assert one.nfe == 3 and np.array_equal(one.audio, other.audio) != stochastic
    assert create("sips", checkpoint=model, predictor="ncsnpp_m").enhance(clip, 16000, 2, 0).nfe == 3
    with pytest.raises(UserError, match="predictor=storm: a predictive method"):
        create("sips", checkpoint=model, predictor="storm")


def test_its_loss_has_a_gradient_everywhere_and_weights_stay_normalised() -> None:
    model = tiny()
    network = model.networks["prior"].train()
    with torch.no_grad():
        network.out_gain += 1
        for name, parameter in network.named_parameters():
            if name.endswith("emb_gain"):
                parameter += 0.1
    clean = torch.randn(2, 1, 256, 8, dtype=torch.complex64)
    loss = prior_loss(model, clean, torch.tensor([0.2, 0.6]), SQRT2 * torch.randn_like(clean)).total
    loss.backward()
    assert all(p.grad is not None for p in network.parameters())
    assert network.out_conv.weight.square().mean().item() == pytest.approx(1, rel=1e-2)


def test_parameters_are_as_many_as_the_releases() -> None:
    with torch.device("meta"):
        network = EDM2UNet()
    assert sum(p.numel() for p in network.parameters()) == 62_461_746


def released(reference2: Reference2) -> EDM2UNet:
    network = EDM2UNet(**SMALL).eval()
    weights = {name.removeprefix("unet."): value for name, value in reference2.weights("sips_unet_small").items()}
    network.load_state_dict(weights)
    return network


def test_gamma_encoder_sampler_network_and_loss_are_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("sde/sips_gamma.npz")
    near(gamma(a["t"]), a["gamma"], 1e-5)
    near(gamma_slope(a["t"]), a["gamma_dot"], 1e-5)
    a = reference2.arrays("spectral/sips_encoder.npz")
    near(as_real(STFT.forward(a["wav"])[:, :, 1:])[..., ::2], a["encoded"], 1e-4)
    latent = as_complex(a["random_latent"])
    whole = torch.cat((torch.zeros_like(latent[:, :, :1]), latent), dim=2)
    near(STFT.inverse(whole, STFT.samples(whole.shape[-1])), a["random_latent_decoded"], 1e-4)
    network = released(reference2)
    a = reference2.arrays("nets/sips_unet_small.io.npz")
    with torch.inference_mode():
        near(as_real(network(as_complex(a["x"]), a["t"])), a["output"], 1e-4)
        near(network.log_variance(a["t"]), a["logvar"].flatten(), 1e-4)
    a = reference2.arrays("loss/sips_loss.npz")
    model = TrainedModel("sips", {"prior": {}}, {"prior": network}, spectrogram=STFT)
    found = prior_loss(model, as_complex(a["speech"]), a["t"].flatten(), as_complex(a["z"])).total
    near(found, torch.tensor(reference2.json("loss/sips_loss.json")["loss_mean"]), 1e-4)


def test_the_sampler_is_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("sampler/sips_euler_analytic.npz")
    start, velocity, x0 = as_complex(a["y"]), as_complex(a["v_hat"]), as_complex(a["x0"])
    for case in reference2.json("sampler/sips_euler_analytic.json"):
        noise = iter(a["noise_bank"])
        states = a.get(f"{case['tag']}_states")
        if states is None:
            continue
        seen = []

        def network(x: Tensor, t: Tensor, seen: list[Tensor] = seen) -> Tensor:
            seen.append(x)
            return (x - x0) / (0.1 + gamma(t))[:, None, None, None]

        found = interpolate(
            network, start, velocity, case["N"], case["kappa"], lambda _, noise=noise: as_complex(next(noise)) / SQRT2
        )
        near(as_real(seen[0]), states[0], 3e-4)
        near(as_real(found), a[f"{case['tag']}_out"], 3e-4)
