"""The one file from which a training continues, and the end of its time: both where no step is half done."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint, Timer

from bench.core import signals
from bench.core.files import naming


class Checkpoints(Checkpoint):
    """Writes ``path`` every ``every`` steps, after every validation, and when the training is asked to stop.

    A step that a validation follows is saved after it, never before: continued from there, the
    validation would be missing. Between accumulated batches nothing is saved. The file is replaced as
    a whole. (A ``Checkpoint`` runs after all other callbacks, so that their state is the step's, too.)

    At SIGTERM or SIGHUP the step at hand, or the validation, is finished and saved, and ``Stopped`` is raised; at a
    second one it is raised at once.
    """

    def __init__(self, path: Path, every: int, valid_every: int) -> None:
        self.path, self.every, self.valid_every = path, every, valid_every
        self._saved = -1
        self._signal: int | None = None
        self._listening = ExitStack()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._saved = trainer.global_step
        self._signal = None
        self._listening.enter_context(signals.handled(self._stop))  # Lightning's handler does not finish the step

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise signals.Stopped(number)
        self._signal = number

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        step = trainer.global_step
        if not ends_step(trainer, batch_idx) or self._validates(step):
            return
        stopped = self._stopped(trainer)
        wanted = stopped or trainer.should_stop or step == trainer.max_steps or step % self.every == 0
        if wanted and step > self._saved:
            self._save(trainer)
        if stopped:
            raise signals.Stopped(self._signal or signal.SIGTERM)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._validates(trainer.global_step):  # and not only because the time is up
            self._save(trainer)
            if self._stopped(trainer):
                raise signals.Stopped(self._signal or signal.SIGTERM)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._listening.close()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._listening.close()

    def _stopped(self, trainer: lightning.Trainer) -> bool:
        """Whether a signal came, on any device: all of them stop at the same step."""
        return bool(trainer.strategy.reduce_boolean_decision(self._signal is not None, all=False))

    def _validates(self, step: int) -> bool:
        return step % self.valid_every == 0

    def _save(self, trainer: lightning.Trainer) -> None:
        part = self.path.with_name(f".{self.path.name}.part")
        with naming(self.path):
            try:
                trainer.save_checkpoint(part)
                if trainer.is_global_zero:
                    part.replace(self.path)
            except OSError:  # a full disk: the one before stays
                part.unlink(missing_ok=True)
                raise
        self._saved = trainer.global_step


class TimeLimit(Timer):
    """Asks for the end after ``hours`` of this command, however long the training went on before it.

    Lightning's timer, but for two things: it would end a training between accumulated batches, where a
    checkpoint could not be continued exactly; and it would count the time of earlier commands.
    """

    def __init__(self, hours: float) -> None:
        super().__init__(timedelta(hours=hours), verbose=False)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if ends_step(trainer, batch_idx):
            super().on_train_batch_end(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {}


def ends_step(trainer: lightning.Trainer, batch_idx: int) -> bool:
    """Whether this batch was the last of those that make an optimiser step."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0
