"""A VAE prior with NMF noise, by variational EM."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from methods import create
from methods.backbones.base import Backbone
from methods.base import METHODS
from methods.losses import Objective, SpectrogramBatch
from methods.nmf import NoiseModel
from methods.spectral import SpectralMethod
from methods.spectrogram import Spectrogram
from methods.vae_nmf import Posterior, maximised
from methods.weights import TrainedModel, load, new_model, save

STFT = Spectrogram(n_fft=64, hop=16, window="sqrthann", transform="none")


def small() -> TrainedModel:
    return new_model("vae_nmf", own={"bins": 33, "latent": 3, "hidden": 8}, spectrogram=STFT)


def test_every_update_of_the_m_step_raises_the_likelihood() -> None:
    torch.manual_seed(0)
    power, speech = torch.rand(12, 20) + 0.01, torch.rand(12, 20)
    noise, gain = NoiseModel(torch.rand(12, 2), torch.rand(2, 20)), torch.ones(1, 20)

    def cost() -> float:
        total = gain * speech + noise.variance
        return float((torch.log(total) + power / total).sum())

    costs = [cost()]
    for _ in range(10):
        noise, gain = maximised(power, speech, noise, gain)
        costs.append(cost())
    assert all(after < before + 1e-3 for before, after in pairwise(costs))
    assert Posterior(torch.zeros(2, 4, 3), torch.zeros(2, 4, 3)).divergence().tolist() == [0, 0]


def test_it_is_a_method_with_weights_whose_cost_is_counted(tmp_path: Path) -> None:
    model = small()
    save(tmp_path / "w.safetensors", model)
    clip = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    method = create("vae_nmf", checkpoint=str(tmp_path / "w.safetensors"), iterations=4, rank=2)
    made = method.enhance(clip, 16000, generator=0)
    assert made.nfe == 1 + 2 * 4 + 1 and np.isfinite(made.audio).all()
    assert np.array_equal(made.audio, method.enhance(clip, 16000, generator=0).audio)
    assert load(tmp_path / "w.safetensors").settings == model.settings
    half = create("vae_nmf", checkpoint=model, iterations=4, rank=2, precision="bfloat16")
    np.testing.assert_allclose(half.enhance(clip, 16000, generator=0).audio, made.audio, atol=0.02)
    with pytest.raises(UserError, match="iterations and rank must be at least 1"):
        create("vae_nmf", checkpoint=model, rank=0)
    with pytest.raises(UserError, match="n_fft=510 gives 256 frequency bins, but the network 'encoder' takes 513"):
        new_model("vae_nmf")


def test_a_few_steps_of_training_lower_the_loss() -> None:
    torch.manual_seed(0)
    model = small()
    method = METHODS.create("vae_nmf", checkpoint=model, device="cpu")
    assert isinstance(method, SpectralMethod)
    clean = STFT.forward(torch.sin(torch.arange(3200) * 0.3)[None] * torch.rand(4, 1))
    batch = SpectrogramBatch(clean, clean, torch.ones(4), clean, torch.Generator().manual_seed(0))
    parameters = [p for network in model.networks.values() for p in network.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    values = []
    for _ in range(40):
        loss = method.spectrogram_loss(batch, Objective()).total
        values.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert values[-1] < 0.5 * values[0]


class Known(Backbone):
    """An encoder or decoder that says the same of every recording."""

    def __init__(self, said: torch.Tensor) -> None:
        super().__init__()
        self.said = said

    def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
        return self.said


def si_sdr(estimate: torch.Tensor, clean: torch.Tensor) -> float:
    target = (estimate @ clean) / (clean @ clean) * clean
    return float(10 * torch.log10(target.square().sum() / (target - estimate).square().sum()))


def test_given_the_speech_s_variance_it_is_near_the_oracle_wiener_filter() -> None:
    """White noise at 0 dB: plain NMF, which would take the tones for noise, must not win over a right prior."""
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(8000) / 16000
    clean = sum(torch.sin(2 * torch.pi * k * 500 * time) for k in range(1, 5)) * (torch.sin(40 * time) > 0)
    noise = torch.randn(8000, generator=generator) * clean.square().mean().sqrt()
    X, S, N = (STFT.pad(STFT.forward(signal[None])) for signal in (clean + noise, clean, noise))
    power = S[:, 0].abs().square() + 1e-8
    model = small()
    latent = torch.zeros(1, X.shape[-1], 6)
    model.networks.update(encoder=Known(latent), decoder=Known(power))
    method = METHODS.create("vae_nmf", checkpoint=model, device="cpu")
    assert isinstance(method, SpectralMethod)
    made = method.enhance_spectrogram(X, None, lambda like: torch.randn(like.shape, generator=generator)).speech
    oracle = X * (power / (power + N.abs().square().mean()))[:, None]
    found, best = (si_sdr(STFT.inverse(Y, 8000)[0], clean) for Y in (made, oracle))
    assert best > 8 and found > best - 1
