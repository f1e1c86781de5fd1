"""CRP: SGMSE+ or BBED with a second stage of training along its own reverse process, for one to five steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.diffusion.paths import SDE
from methods.diffusion.samplers import PredictorCorrector
from methods.diffusion.samplers.predictors import reverse_diffusion_mean, reverse_diffusion_step
from methods.diffusion.score_model import ScoreModel
from methods.losses import Losses, Objective, SpectrogramBatch, half_norm
from methods.noise import RandnLike
from methods.sgmse import SGMSE
from methods.weights import TrainedModel

COUNTED = ("last", "random")


@dataclass(frozen=True)
class ReverseTraining:
    """Settings of the second stage; the defaults are those of the published network.

    Attributes:
        fewest, most: the number of steps N of a training step is drawn between these.
        earliest, latest: so is the time at which its reverse process starts.
        counted: which of the N steps has the loss: "last", or a "random" one.
    """

    fewest: int = 1
    most: int = 1
    earliest: float = 0.5
    latest: float = 0.5
    counted: str = "last"

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most:
            raise UserError(f"fewest and most: numbers of steps from 1; got {self.fewest}, {self.most}")
        if not 0 < self.earliest <= self.latest <= 1:
            raise UserError(f"earliest and latest: times from 0 to 1; got {self.earliest}, {self.latest}")
        if self.counted not in COUNTED:
            raise did_you_mean("counted", self.counted, COUNTED)


class CRP(SGMSE):
    """Correcting the reverse process: Lay, Lemercier, Richter, Gerkmann 2024, "Single and Few-Step Diffusion for
    Generative Speech Enhancement", ICASSP.

    A score network trained as ``sgmse_m`` is trained on (``init=``) by its own sampler: the Euler-Maruyama steps
    x <- x - h (f - g^2 s) + g sqrt(h) z run from the prior at the starting time; of one step, the last by default, the
    noise-free mean is compared with the path's mean between clean and noisy speech at the time where the step ends
    (for the last one, clean speech). Only that step's network call has a gradient.

    Follows the released code: half the squared error in the compressed domain, summed over a spectrogram, averaged
    over the batch. There the validation loss is constant 0; here it is the training's. By default it samples with N = 1
    Euler-Maruyama step from t = 0.5, for which the published network was trained.
    """

    name = "crp"
    default_steps = 1
    Settings = ReverseTraining
    release: ClassVar[dict[str, Any]] = {
        "predictor": "euler_maruyama",
        "corrector": "none",
        "stepping": "grid",
        "start": 0.5,
    }

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        settings, device = self.model.settings, batch.clean.device
        # Drawn once for the whole batch, as in the release.
        part = torch.rand(2, generator=batch.generator, device=device).tolist()
        start = settings.earliest + part[0] * (settings.latest - settings.earliest)
        steps = settings.fewest + int(part[1] * (settings.most - settings.fewest + 1))
        counted = steps - 1
        if settings.counted == "random":
            counted = int(torch.randint(steps, (1,), generator=batch.generator, device=device))
        first = [batch.z]

        def randn_like(like: Tensor) -> Tensor:
            if first:
                return first.pop()
            return torch.randn(like.shape, dtype=like.dtype, generator=batch.generator, device=device)

        value = reverse_loss(self.model, batch.clean, batch.noisy, start, steps, counted, randn_like).mean()
        return Losses(value, {"reverse": value})

    def check_objective(self, objective: Objective) -> None:
        if objective.t_max is not None:
            raise UserError(f"objective.t_max: {self.name} draws where its reverse process starts: earliest, latest")
        super().check_objective(objective)
        if not isinstance(self.model.sde, SDE):
            raise UserError(f"{self.name} trains along the reverse process of an SDE, not of {self.model.sde.name}")
        if self.model.settings.latest > self.model.sde.T:
            raise UserError(f"latest={self.model.settings.latest}: the SDE's largest time is {self.model.sde.T}")


def reverse_loss(
    model: TrainedModel, clean: Tensor, noisy: Tensor, start: float, steps: int, counted: int, randn_like: RandnLike
) -> Tensor:
    """Half the squared error of one step's mean, ``[B]``; spectrograms are complex ``[B, 1, F, T]``.

    Args:
        start: where the reverse process starts.
        steps: N, in which it would reach t = 0.
        counted: the step with the loss, from 0; those before it are taken without gradient.
    """
    path = model.sde
    assert isinstance(path, SDE)
    score = ScoreModel(model, noisy, (noisy,)).score
    times, lengths = PredictorCorrector(stepping="grid", t_eps=model.t_eps).grid(steps, start)
    x = path.prior_sampling(noisy, randn_like, start)
    batch_times = [time.to(noisy.device).expand(len(noisy)) for time in times]
    with torch.no_grad():
        for t, step in zip(batch_times[:counted], lengths, strict=False):
            x, _ = reverse_diffusion_step(score, path, x, t, noisy, step, randn_like)
    t, step = batch_times[counted], lengths[counted]
    mean = reverse_diffusion_mean(score, path, x, t, noisy, step)
    target = path.mean(clean, (t - step).clamp(min=0), noisy)
    return half_norm(mean - target, "mse")
