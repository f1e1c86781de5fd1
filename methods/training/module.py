"""The Lightning module: a method and its loss; every draw depends on the seed and the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from bench.core.seeds import stable_seed
from methods.base import METHODS
from methods.losses import Batch, Losses, Objective
from methods.trained import TrainedMethod
from methods.weights import TrainedModel


@dataclass(frozen=True)
class Optimiser:
    """Adam; the defaults are the reference's.

    Attributes:
        lr: learning rate.
        warmup_steps: linear rise from 0.
        decay_steps: cosine fall to a tenth after this many steps; None for a constant rate.
        clip: the gradient's largest norm; a larger one is scaled down to it. None for any.
    """

    lr: float = 1e-4
    warmup_steps: int = 0
    decay_steps: int | None = None
    clip: float | None = None

    def factor(self, step: int) -> float:
        """What ``lr`` is multiplied with at ``step`` (from 0)."""
        rise = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        if self.decay_steps is None:
            return rise
        progress = torch.tensor(min(1.0, step / self.decay_steps) * torch.pi)
        return rise * (0.1 + 0.9 * 0.5 * (1 + float(torch.cos(progress))))


class TrainingModule(lightning.LightningModule):
    """Minimises the loss of ``model``'s method.

    Whatever is drawn comes from a generator seeded by (seed, step), so that a training that was killed and
    continued draws the same as one that was not.
    """

    def __init__(self, model: TrainedModel, objective: Objective, optimiser: Optimiser, seed: int = 0) -> None:
        super().__init__()
        self.objective, self.optimiser, self.seed = objective, optimiser, seed
        method = METHODS.create(model.method, checkpoint=model, device="cpu")
        assert isinstance(method, TrainedMethod)
        method.check_objective(objective)
        self.method = method
        self.networks = nn.ModuleDict(model.networks).train()
        for network in model.networks.values():
            for parameter in network.unused():
                parameter.requires_grad_(False)
        if objective.freeze_denoiser:
            self.networks["denoiser"].requires_grad_(False)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> dict[str, Tensor]:
        """What is minimised, as ``loss``, and beside it the means over items, as ``train_...``."""
        part = batch_index % self.trainer.accumulate_grad_batches
        values = self._losses(batch, "train", self.global_step, part, self.global_rank)
        return {"loss": values.total, **self._means("train", values, len(batch[0]))}

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        values = self._losses(batch, "valid", batch_index * self.trainer.world_size + self.global_rank)
        items = len(batch[0])
        self.log_dict(self._means("valid", values, items), on_epoch=True, batch_size=items, sync_dist=True)

    def _losses(self, batch: tuple[Tensor, Tensor], *draw: object) -> Losses:
        generator = torch.Generator(self.device).manual_seed(stable_seed(self.seed, *draw))
        return self.method.loss(Batch(*batch, generator), self.objective)

    def _means(self, split: str, values: Losses, items: int) -> dict[str, Tensor]:
        """Means over items, whether the loss sums or averages over the batch."""
        share = items if values.summed else 1
        return {
            f"{split}_{name}": value.detach() / share for name, value in {"loss": values.total, **values.parts}.items()
        }

    def configure_optimizers(self) -> Any:
        parameters = [p for p in self.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(parameters, lr=self.optimiser.lr)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.optimiser.factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *_: Any, **__: Any) -> None:
        if self.optimiser.clip is not None:
            self.clip_gradients(optimizer, self.optimiser.clip, "norm")
