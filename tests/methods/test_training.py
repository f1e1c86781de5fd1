"""A training that lowers its loss, resumes exactly, and can be loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.core.types import Audio
from methods.spectral import ScoreModel
from methods.spectrogram import Spectrogram
from methods.training.data import Crops, EndlessSampler
from methods.training.module import Optimiser
from methods.training.objectives import Objective, losses
from methods.weights import new_system


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
