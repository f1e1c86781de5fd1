"""How far a training is and how long it will take, as a bar on a terminal."""

from __future__ import annotations

from typing import Any

import lightning
from rich.progress import Progress

from bench.run.progress import bar
from methods.training.checkpoint import ends_step


class StepBar(lightning.Callback):
    """Optimiser steps of ``max_steps``, those of earlier commands among them, and the time left."""

    def __init__(self) -> None:
        self.bar: Progress | None = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.is_global_zero:
            self.bar = bar()
            self.bar.add_task("steps", total=trainer.max_steps, completed=trainer.global_step)
            self.bar.start()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if ends_step(trainer, batch_idx):
            self._show("steps", trainer.global_step)

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._show("steps, validating", trainer.global_step)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._show("steps", trainer.global_step)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._stop()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _show(self, what: str, steps: int) -> None:
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=steps, description=what)

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
