"""A training's log: losses, learning rate, scores and speed by step, as CSV and for TensorBoard.

The CSV file is one however often the training was stopped: what was logged after the checkpoint from
which it continues is cut off and written again.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning

from bench.core.errors import UserError
from bench.core.files import naming
from methods.training.checkpoint import ends_step
from methods.training.data import TrainingData
from methods.training.module import TrainingModule

Values = dict[str, float]


class CSVFile:
    """Rows of numbers by ``step`` in a CSV file; a new column may come at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns = ["step"]

    def continue_from(self, step: int) -> None:
        """Keep the rows up to ``step``."""
        rows = self._read()
        self._write([row for row in rows if int(row["step"]) <= step])

    def append(self, entry: Mapping[str, float]) -> None:
        """Add a row."""
        if new := [name for name in entry if name not in self.columns]:
            rows = self._read()
            self.columns += new
            self._write(rows)
        with naming(self.path), self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(entry)

    def _read(self) -> list[dict[str, str]]:
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            self.columns = list(reader.fieldnames or self.columns)
            return [row for row in reader if (row["step"] or "").isdigit()]

    def _write(self, rows: list[dict[str, str]]) -> None:
        part = self.path.with_name(f".{self.path.name}.part")
        with naming(self.path):
            with part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, self.columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            part.replace(self.path)


class Speed:
    """Steps a second, and the share of the time spent waiting for data; validations do not count."""

    def __init__(self) -> None:
        self.steps, self.seconds, self.waited = 0, 0.0, 0.0

    def add(self, steps: int, seconds: float, waited: float) -> None:
        self.steps, self.seconds, self.waited = self.steps + steps, self.seconds + seconds, self.waited + waited

    def entry(self) -> Values:
        seconds = self.seconds or 1.0
        return {"steps_per_second": round(self.steps / seconds, 3), "data_wait": round(self.waited / seconds, 4)}

    def __str__(self) -> str:
        entry = self.entry()
        return f"{entry['steps_per_second']:.3g} steps a second, {entry['data_wait']:.1%} of the time waiting for data"


class TrainingLog(lightning.Callback):
    """Logs means over every ``every`` steps, and every validation; says a line at each validation.

    Args:
        path: the CSV file.
        tensorboard: folder for TensorBoard's files; None for none.

    Attributes:
        speed: since the training was started or continued.
    """

    def __init__(self, path: Path, every: int, tensorboard: Path | None = None) -> None:
        self.file, self.every, self.tensorboard = CSVFile(path), every, tensorboard
        self.speed, self._recent = Speed(), Speed()
        self._sums: dict[str, float] = {}
        self._batches = 0
        self._writer: Any = None
        self._mark = (0.0, 0.0)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.is_global_zero:
            self.file.continue_from(trainer.global_step)
            if self.tensorboard is not None:
                self._writer = _tensorboard(self.tensorboard, trainer.global_step + 1)
        self._mark = _now(trainer)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        for name, value in outputs.items():
            if name != "loss":
                self._sums[name] = self._sums.get(name, 0) + value
        self._batches += 1
        finished_step = ends_step(trainer, batch_idx)
        self._clock(trainer, int(finished_step))
        if finished_step and trainer.global_step % self.every == 0:
            assert isinstance(pl_module, TrainingModule)
            means = {name: float(value) / self._batches for name, value in self._sums.items()}
            rate = pl_module.optimiser.lr * pl_module.optimiser.factor(trainer.global_step - 1)
            self._write(trainer, {**means, "lr": rate, **self._recent.entry()})
            self._sums, self._batches, self._recent = {}, 0, Speed()

    def _clock(self, trainer: lightning.Trainer, steps: int) -> None:
        now, waited = _now(trainer)
        spent = (steps, now - self._mark[0], waited - self._mark[1])
        self.speed.add(*spent)
        self._recent.add(*spent)
        self._mark = now, waited

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        values = {name: float(v) for name, v in trainer.callback_metrics.items() if name.startswith("valid_")}
        self._write(trainer, values)
        if trainer.is_global_zero:
            shown = ", ".join(f"{name.removeprefix('valid_')} {value:.4g}" for name, value in values.items())
            print(f"step {trainer.global_step}: valid {shown}; {self.speed}", flush=True)
        self._mark = _now(trainer)

    def _write(self, trainer: lightning.Trainer, entry: Values) -> None:
        if not trainer.is_global_zero:
            return
        self.file.append({"step": trainer.global_step, **{name: _short(value) for name, value in entry.items()}})
        if self._writer is not None:
            for name, value in entry.items():
                self._writer.add_scalar(name.replace("_", "/", 1), value, trainer.global_step)
            self._writer.flush()

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        if self._writer is not None:
            self._writer.close()

    def state_dict(self) -> dict[str, Any]:
        return {"sums": {name: float(value) for name, value in self._sums.items()}, "batches": self._batches}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._sums, self._batches = state_dict["sums"], state_dict["batches"]


def _now(trainer: lightning.Trainer) -> tuple[float, float]:
    """The time, and the seconds waited for data so far."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, TrainingData)
    return time.perf_counter(), data.train_loader.waited if data.train_loader is not None else 0.0


def _short(value: float) -> float:
    """Seven digits, as many as float32 has."""
    return float(f"{value:.7g}")


def _tensorboard(folder: Path, step: int) -> Any:
    """A writer that hides what was logged from ``step`` on."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("tensorboard=true needs the package tensorboard: pip install 'sebench[tensorboard]'") from error
    return SummaryWriter(folder, purge_step=step)
