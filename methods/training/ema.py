"""Exponential moving average of the weights (torch_ema's warm-up), as a Lightning callback.

Not Lightning's ``WeightAveraging``, whose average is another: its first update copies the weights where the
reference's moves from the initial ones; it puts the raw weights back before ``on_validation_end``, where the best
average is written to its file; and the state of trainings that are going on could not be read.
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor


def ema_decay(updates: int, decay: float = 0.999) -> float:
    """The decay of the ``updates``-th update, counted from 1: min(decay, (1 + n) / (10 + n))."""
    return min(decay, (1 + updates) / (10 + updates))


class EMA(lightning.Callback):
    """Averages every parameter after each optimiser step; validation runs on the average.

    Args:
        decay: after the warm-up.
        restart: whether training goes on from the average after a validation, as it does, by accident,
            in the StoRM release; else from the raw weights.
    """

    def __init__(self, decay: float = 0.999, *, restart: bool = False) -> None:
        self.decay = decay
        self.restart = restart
        self.updates = 0
        self.shadow: dict[str, Tensor] = {}
        self._raw: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        parameters = dict(pl_module.named_parameters())
        if not self.shadow:
            self.shadow = {name: p.detach().clone() for name, p in parameters.items()}
        self.shadow = {name: value.to(parameters[name].device) for name, value in self.shadow.items()}

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any) -> None:
        if trainer.global_step > self.updates:  # an optimiser step was made, not only accumulated
            self.update(dict(pl_module.named_parameters()))

    @torch.no_grad()
    def update(self, parameters: dict[str, Any]) -> None:
        """Move the average towards ``parameters``."""
        self.updates += 1
        raw = [parameters[name].detach() for name in self.shadow]
        torch._foreach_lerp_(list(self.shadow.values()), raw, 1 - ema_decay(self.updates, self.decay))

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._raw = {name: p.detach().clone() for name, p in pl_module.named_parameters()}
        _assign(pl_module, self.shadow)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not self.restart:
            _assign(pl_module, self._raw)
        self._raw = {}

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "shadow": self.shadow}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.updates, self.shadow = state_dict["updates"], state_dict["shadow"]


@torch.no_grad()
def _assign(module: lightning.LightningModule, values: dict[str, Tensor]) -> None:
    for name, parameter in module.named_parameters():
        parameter.copy_(values[name])
