"""The weights of the best validation so far, with the record and the card of how they came to be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from omegaconf import DictConfig, OmegaConf

from bench.core.errors import UserError
from bench.datasets.leaks.sources import Sources, beside, told, write
from bench.train.model_card import machine, model_card
from methods.weights import TrainedModel, save


class BestWeights(lightning.Callback):
    """Writes averaged weights and card whenever a validation is the best so far; stops when none is for long.

    Args:
        path: the weights file; the card lies beside it.
        model: what is trained.
        config: of the training.
        command: that makes these weights again.
        data: what they are trained on, for the card.
        init: what the training starts from; nothing: random weights.
        sources: what it is trained on, computed where they are not stored yet; they lie beside the weights.
    """

    def __init__(
        self,
        path: Path,
        model: TrainedModel,
        config: DictConfig,
        command: str,
        data: str,
        init: Sequence[TrainedModel] = (),
        sources: Callable[[], Sources] | None = None,
    ) -> None:
        self.path, self.model, self.config = path, model, config
        self.command, self.data, self.init = command, data, init
        self.sources = sources
        self._heard: list[str] = []
        self.curve: list[tuple[int, float]] = []
        self.hours = 0.0
        self.starts = 1
        self.machines = [machine()]
        self._started = time.monotonic()

    @property
    def best(self) -> float:
        """The lowest validation loss so far."""
        return min((loss for _, loss in self.curve), default=math.inf)

    @property
    def waited(self) -> int:
        """Validations since the best one."""
        losses = [loss for _, loss in self.curve]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0

    @property
    def exhausted(self) -> bool:
        """Whether as many validations as ``patience`` brought nothing better."""
        return self.waited >= int(self.config.patience)

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        path = beside(self.path)
        if trainer.is_global_zero and self.sources is not None and not path.is_file():
            write(path, self.sources())
        self._heard = told(self.path)
        if self.exhausted:
            trainer.should_stop = True

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        loss = float(trainer.callback_metrics["valid_loss"])
        if not math.isfinite(loss):
            raise UserError(
                f"the validation loss is {loss} at step {trainer.global_step}: lower optimiser.lr="
                f"{self.config.optimiser.lr:g}, or check the recordings; {self.path.parent} keeps what was best before"
            )
        better = loss < self.best
        self.curve.append((trainer.global_step, float(f"{loss:.7g}")))
        if better and trainer.is_global_zero:
            self.model.training = self._record()
            save(self.path, self.model, torch.float16)
            card = model_card(self.model, self.path.stat().st_size, self._heard)
            self.path.with_suffix(".md").write_text(card, encoding="utf-8")
        if self.exhausted:
            trainer.should_stop = True

    def _record(self) -> dict[str, Any]:
        steps, loss = self.curve[-1]
        return {
            "command": self.command,
            "data": self.data,
            "machine": "; ".join(self.machines),
            "config": OmegaConf.to_container(self.config, resolve=True),
            "steps": steps,
            "valid_loss": loss,
            "validation_curve": self.curve,
            "hours": round(self._hours(), 3),
            "starts": self.starts,
            "torch": torch.__version__,
            "init_sha256": [model.sha256 for model in self.init],
            "before": [model.training for model in self.init if "command" in model.training],
        }

    def _hours(self) -> float:
        return self.hours + (time.monotonic() - self._started) / 3600

    def state_dict(self) -> dict[str, Any]:
        return {"curve": self.curve, "hours": self._hours(), "starts": self.starts, "machines": self.machines}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.curve, self.hours = list(state_dict["curve"]), state_dict["hours"]
        self.starts = state_dict["starts"] + 1
        self.machines = list(dict.fromkeys([*state_dict["machines"], *self.machines]))
