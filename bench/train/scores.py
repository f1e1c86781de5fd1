"""Scores of sampled speech while training: a few validation recordings, enhanced as a user would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning
import torch

from bench.core.seeds import stable_seed
from bench.core.types import Utterance
from methods.base import create as create_method
from methods.training.data import Source
from methods.weights import TrainedModel
from metrics.base import METRICS
from metrics.base import create as create_metric


class ValidationScores(lightning.Callback):
    """Logs ``valid_<metric>``: the mean over the recordings that have a score, of the averaged weights.

    Each device enhances its share. A recording's diffusion noise is the same at every validation.

    Args:
        model: what is trained.
        source: the validation recordings.
        recordings: how many of them, from the first.
        every: after every so many validations.
        steps: reverse steps N; None for the method's own.
        metrics: names in the registry.

    Raises:
        UserError: there is no such metric.
    """

    def __init__(
        self,
        model: TrainedModel,
        source: Source,
        recordings: int,
        every: int,
        steps: int | None,
        metrics: Sequence[str],
    ) -> None:
        for name in metrics:
            METRICS.check(name, {})
        self.model, self.source = model, source
        self.recordings = min(recordings, len(source))
        self.every, self.steps, self.metrics = every, steps, list(metrics)
        self._validations = 0

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        for name in self.metrics:  # what an earlier validation said is not this one's
            trainer.callback_metrics.pop(f"valid_{name}", None)

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._validations += 1
        if self.recordings == 0 or (self._validations - 1) % self.every:
            return
        sums = torch.zeros(len(self.metrics), 2, device=pl_module.device)
        for index in range(trainer.global_rank, self.recordings, trainer.world_size):
            sums += self._score(index, str(pl_module.device)).to(sums.device)
        totals = trainer.strategy.reduce(sums, reduce_op="sum")
        for name, (total, count) in zip(self.metrics, totals, strict=True):
            if count:
                pl_module.log(f"valid_{name}", total / count, sync_dist=True)

    def _score(self, index: int, device: str) -> torch.Tensor:
        """``[metrics, 2]``: each metric's value and 1, or twice 0 where it has none."""
        clean, noisy = self.source[index]
        rate = self.model.spectrogram.sample_rate
        method = create_method(self.model.method, checkpoint=self.model, device=device)
        enhanced = method.enhance(noisy, rate, self.steps, stable_seed("training scores", index))
        utterance = Utterance(str(index), noisy, rate, clean)
        values = [create_metric(name).score(enhanced.audio, utterance).value for name in self.metrics]
        return torch.tensor([[0.0, 0.0] if value is None else [value, 1.0] for value in values])

    @property
    def state_key(self) -> str:
        """What checkpoints call its state: its class's name of before."""
        return "Scores"

    def state_dict(self) -> dict[str, Any]:
        return {"validations": self._validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._validations = state_dict["validations"]
