"""Losses against the reference's numbers; a training that lowers its loss, resumes exactly, and can be loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.core.types import Audio
from methods.backbones.convert import from_reference
from methods.spectral import ScoreModel
from methods.spectrogram import Spectrogram
from methods.training.data import Crops, EndlessSampler
from methods.training.ema import EMA, ema_decay
from methods.training.module import Optimiser
from methods.training.objectives import Objective, diffusion_time, losses
from methods.weights import System, new_system


def reference_system(shared: Path, method: str, condition: str = "both") -> System:
    system = new_system(method, width=16, condition=condition)
    score = "storm_m_score4_nf16" if system.sizes.get("score", {}).get("inputs") == 2 else "storm_m_score6_nf16"
    for name, network in system.networks.items():
        file = "storm_m_disc_nf16" if name == "denoiser" else score
        network.load_state_dict(
            from_reference(load_file(shared / "reference" / "nets" / f"{file}.safetensors"), network)
        )
    return system


def gradient_norm(network: torch.nn.Module) -> float:
    return float(torch.stack([p.grad.norm() for p in network.parameters() if p.grad is not None]).norm())


@pytest.mark.parametrize(
    ("key", "method", "condition", "objective"),
    [
        ("dsm_mse", "sgmse_m", "noisy", Objective()),
        ("dsm_mae", "sgmse_m", "noisy", Objective(score_loss="mae")),
        ("supervised_mse", "ncsnpp_m", "noisy", Objective()),
        ("supervised_mae", "ncsnpp_m", "noisy", Objective(supervised_loss="mae")),
        ("storm_both_joint", "storm", "both", Objective()),
        ("storm_post_denoiser_joint", "storm", "post_denoiser", Objective()),
        ("storm_noisy_joint", "storm", "noisy", Objective()),
        ("storm_both_freeze", "storm", "both", Objective(freeze_denoiser=True)),
        ("refine_both_residue_in_stft=False", "refinement", "both", Objective()),
        ("refine_post_denoiser_residue_in_stft=False", "refinement", "post_denoiser", Objective()),
        ("refine_noisy_residue_in_stft=False", "refinement", "noisy", Objective()),
        ("refine_both_residue_in_stft=True", "refinement", "both", Objective()),
        ("refine_post_denoiser_residue_in_stft=True", "refinement", "post_denoiser", Objective()),
        ("refine_noisy_residue_in_stft=True", "refinement", "noisy", Objective()),
    ],
)
def test_losses_and_gradients_equal_the_references(
    shared: Path, key: str, method: str, condition: str, objective: Objective
) -> None:
    folder = shared / "reference" / "loss"
    family = "refine" if method == "refinement" else "storm"
    expected = json.loads((folder / f"{family}_losses.json").read_text())[key]
    inputs = "refine_inputs" if family == "refine" else "storm_losses"
    with np.load(folder / f"{inputs}.npz") as golden:
        clean, noisy, z, uniform = (torch.from_numpy(golden[name]) for name in ("X", "Y", "Z", "u"))
    system = reference_system(shared, method, condition)
    system.residue_in_stft = key.endswith("=True")
    values = losses(system, objective, clean, noisy, diffusion_time(uniform, 0.03), z)
    values.total.backward()
    assert values.total.item() == pytest.approx(expected["loss"], rel=1e-4)
    if "loss_score" in expected:
        assert values.score is not None and values.supervised is not None
        assert values.score.item() == pytest.approx(expected["loss_score"], rel=1e-4)
        assert values.supervised.item() == pytest.approx(expected["loss_denoiser"], rel=1e-4)
    for name, network in system.networks.items():
        norm = expected.get("grad_norm", expected.get(f"grad_norm_{name}"))
        if norm is not None:
            assert gradient_norm(network) == pytest.approx(norm, rel=1e-3)
    if objective.freeze_denoiser:
        assert all(p.grad is None for p in system.networks["denoiser"].parameters())


def test_the_right_score_has_no_loss_but_the_draw() -> None:
    """err = sigma * score + z vanishes for score = -z / sigma."""
    system = new_system("sgmse_m", width=8, multipliers=(1, 2))
    clean, noisy, z = (torch.randn(2, 1, 16, 16, dtype=torch.complex64) for _ in range(3))
    t = torch.tensor([0.2, 0.9])

    class Right(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return z / system.sde.std(t)[:, None, None, None]

    system.networks["score"] = Right()  # type: ignore[assignment]
    assert torch.allclose(ScoreModel(system, noisy, ()).score(clean, t), -z / system.sde.std(t)[:, None, None, None])
    assert losses(system, Objective(), clean, noisy, t, z).total.item() == pytest.approx(0, abs=1e-6)


def test_ema_equals_the_reference(shared: Path) -> None:
    with np.load(shared / "reference" / "loss" / "ema_update.npz") as golden:
        parameters, shadow, decays = golden["params"], golden["shadow"], golden["effective_decay"]
    ema = EMA(0.999)
    ema.shadow = {"w": torch.from_numpy(parameters[0]).clone()}
    for n, (values, expected, decay) in enumerate(zip(parameters[1:], shadow[1:], decays, strict=True), start=1):
        assert ema_decay(n) == pytest.approx(decay)
        ema.update({"w": torch.from_numpy(values)})
        assert np.allclose(ema.shadow["w"].numpy(), expected, rtol=1e-5)


class Ramps:
    """Recordings whose samples say where they come from."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        ramp = np.arange(1, self.lengths[index] + 1, dtype=np.float32)
        return ramp / 2, ramp


def test_crops_are_central_in_validation_and_padded_half_on_the_left() -> None:
    crops = Crops(Ramps([10, 3]), Spectrogram(hop=1), frames=7, seed=None)  # 6 samples
    clean, noisy = crops[0]
    assert torch.equal(noisy * 10, torch.tensor([3.0, 4, 5, 6, 7, 8]))  # normalised by the whole recording's peak
    assert torch.equal(clean, noisy / 2)
    assert torch.equal(crops[1][1] * 3, torch.tensor([0.0, 1, 2, 3, 0, 0]))


def test_training_crops_depend_on_the_index_alone() -> None:
    make = lambda: Crops(Ramps([1000] * 20), Spectrogram(hop=1), frames=7, seed=4)  # noqa: E731
    starts = [float(make()[i][1][0]) for i in range(20)]
    assert starts == [float(make()[i][1][0]) for i in range(20)]
    assert len(set(starts)) > 10


def test_the_endless_sampler_continues_where_it_is_told() -> None:
    first, later = iter(EndlessSampler(5)), iter(EndlessSampler(5, start=7))
    assert [next(first) for _ in range(12)][7:] == [next(later) for _ in range(5)]


def test_ranks_share_the_indices_out() -> None:
    ranks = [iter(EndlessSampler(100, start=8, rank=rank, world=2)) for rank in range(2)]
    assert [[next(rank) for _ in range(3)] for rank in ranks] == [[8, 10, 12], [9, 11, 13]]


def test_learning_rate_warms_up_and_falls_to_a_tenth() -> None:
    optimiser = Optimiser(lr=1, warmup_steps=10, decay_steps=100)
    assert optimiser.factor(0) == pytest.approx(0.1, rel=1e-3)
    assert optimiser.factor(100) == optimiser.factor(500) == pytest.approx(0.1)
    assert Optimiser().factor(10**6) == 1
