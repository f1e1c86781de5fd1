"""The one file from which a training continues, written where nothing is left half done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint


class Checkpoints(Checkpoint):
    """Writes ``path`` every ``every`` steps, after every validation, and when the training is asked to stop.

    A step that a validation follows is saved after it, never before: continued from there, the
    validation would be missing. Between accumulated batches nothing is saved. The file is replaced as
    a whole. (A ``Checkpoint`` runs after all other callbacks, so that their state is the step's, too.)
    """

    def __init__(self, path: Path, every: int, valid_every: int) -> None:
        self.path, self.every, self.valid_every = path, every, valid_every
        self._saved = -1

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._saved = trainer.global_step

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any) -> None:
        step = trainer.global_step
        wanted = step % self.every == 0 or trainer.should_stop or trainer.received_sigterm or self._last(trainer)
        if step > self._saved and wanted and not self._validates(step):
            self._save(trainer)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._validates(trainer.global_step):  # and not only because the time is up
            self._save(trainer)

    def _validates(self, step: int) -> bool:
        return step % self.valid_every == 0

    def _last(self, trainer: lightning.Trainer) -> bool:
        return trainer.global_step == trainer.max_steps

    def _save(self, trainer: lightning.Trainer) -> None:
        part = self.path.with_name(f".{self.path.name}.part")
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            part.replace(self.path)
        self._saved = trainer.global_step
