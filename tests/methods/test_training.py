"""A training that lowers its loss, resumes exactly, and can be loaded."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.types import Audio
from methods.diffusion.score_model import ScoreModel
from methods.losses import Objective
from methods.spectrogram import Spectrogram
from methods.training.data import Crops, EndlessSampler, TimedLoader, spare_cores
from methods.training.ema import EMA, ema_decay
from methods.training.module import Optimiser, TrainingModule
from methods.weights import new_model
from tests.methods.trained import losses


def test_the_right_score_has_no_loss_but_the_draw() -> None:
    """err = sigma * score + z vanishes for score = -z / sigma."""
    model = new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]})
    clean, noisy, z = (torch.randn(2, 1, 16, 16, dtype=torch.complex64) for _ in range(3))
    t = torch.tensor([0.2, 0.9])

    class Right(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return z / model.sde.std(t)[:, None, None, None]

    model.networks["score"] = Right()  # type: ignore[assignment]
    assert torch.allclose(ScoreModel(model, noisy, ()).score(clean, t), -z / model.sde.std(t)[:, None, None, None])
    assert losses(model, Objective(), clean, noisy, t, z).total.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("restart", [False, True])
def test_training_goes_on_from_the_raw_weights_unless_it_is_to_restart(restart: bool) -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    ema = EMA(0.5, restart=restart)
    ema.on_fit_start(None, module)  # type: ignore[arg-type]
    start = module.weight.item()
    module.weight.data += 1
    ema.update(dict(module.named_parameters()))
    average = start + 1 - ema_decay(1, 0.5)
    ema.on_validation_start(None, module)  # type: ignore[arg-type]
    assert module.weight.item() == pytest.approx(average)
    ema.on_validation_end(None, module)  # type: ignore[arg-type]
    assert module.weight.item() == pytest.approx(average if restart else start + 1)


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


@pytest.mark.parametrize(("normalise", "peak"), [("noisy", 10), ("crop", 8), ("clean", 4), ("none", 1)])
def test_a_crop_is_divided_by_the_peak_asked_for(normalise: str, peak: float) -> None:
    clean, noisy = Crops(Ramps([10]), Spectrogram(hop=1), frames=7, seed=None, normalise=normalise)[0]
    assert torch.allclose(noisy * peak, torch.tensor([3.0, 4, 5, 6, 7, 8]))
    assert torch.equal(clean, noisy / 2)


def test_an_unknown_normalisation_is_refused() -> None:
    with pytest.raises(UserError, match="unknown normalise 'nosiy': did you mean 'noisy'"):
        Crops(Ramps([10]), Spectrogram(), frames=7, seed=None, normalise="nosiy")


class Slow(Ramps):
    """Recordings that take a tenth of a second each; the last one is broken."""

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        if index == len(self) - 1:
            raise UserError("/data/broken.wav: not a readable audio file")
        time.sleep(0.1)
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_knows_how_long_it_was_waited_for_and_names_the_broken_file(workers: int) -> None:
    crops = Crops(Slow([100] * 6), Spectrogram(hop=1), frames=7, seed=None)
    loader = TimedLoader(crops, 2, num_workers=workers)
    start = time.perf_counter()
    batches = iter(loader)
    next(batches)
    time.sleep(0.5)  # the training's own work, in which nobody waits
    next(batches)
    assert 0.2 <= loader.waited <= time.perf_counter() - start - 0.5
    if not workers:
        assert loader.waited >= 0.4
    with pytest.raises(UserError, match=r"^/data/broken\.wav: not a readable audio file$"):
        next(batches)


def test_layers_that_are_never_called_are_frozen_and_all_others_learn() -> None:
    """Distributed training waits for the gradient of every parameter that is not frozen."""
    model = new_model("storm", {"width": 4, "multipliers": [1, 2]}, spectrogram=Spectrogram(n_fft=62, hop=16))
    module = TrainingModule(model, Objective(), Optimiser())
    clean, noisy, z = (torch.randn(2, 1, 32, 16, dtype=torch.complex64) for _ in range(3))
    losses(model, Objective(), clean, noisy, torch.tensor([0.2, 0.9]), z).total.backward()
    for name, parameter in module.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_spare_cores_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert [spare_cores(devices) for devices in (1, 2, 4, 16)] == [8, 7, 3, 1]


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
