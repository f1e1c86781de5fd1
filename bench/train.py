"""``bench train``: a dataset, a method's objective, Lightning's loop; weights and a model card come out."""

from __future__ import annotations

import json
import logging
import shlex
import time
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint, Timer
from lightning.pytorch.loggers import CSVLogger
from omegaconf import DictConfig, OmegaConf

from bench.core.errors import UserError
from bench.core.memory import keep_freed_memory
from bench.datasets.mixtures import TrainingMixtures
from bench.model_card import machine, model_card
from methods.parametrization import Parametrization
from methods.sdes import sde_from
from methods.spectrogram import Spectrogram
from methods.training.data import Source, TrainingData
from methods.training.ema import EMA
from methods.training.module import Optimiser, TrainingModule
from methods.training.objectives import Objective
from methods.training.warm_start import from_predictive
from methods.weights import System, load, new_system, save


def train(config: DictConfig, command: str = "bench train") -> Path:
    """Train as ``config`` (``conf/train.yaml``) says; returns the weights file.

    Every file goes into ``config.out``; a ``last.ckpt`` found there is continued. The weights are the
    EMA's at the best validation, stored as float16.
    """
    return fit(
        config,
        TrainingMixtures("train", **config.dataset),
        TrainingMixtures("valid", size=config.valid_size, **config.dataset),
        command,
    )


def fit(config: DictConfig, train: Source, valid: Source, command: str = "bench train") -> Path:
    """``train`` on given recordings."""
    keep_freed_memory()
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, verbose=False)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    system = build_system(config)
    module = TrainingModule(system, Objective(**config.method.objective), Optimiser(**config.optimiser), config.seed)
    data = TrainingData(
        train,
        valid,
        system.spectrogram,
        frames=config.frames,
        batch_size=config.batch_size,
        accumulate=config.accumulate,
        workers=config.workers,
        seed=config.seed,
    )
    weights = WeightsOnImprovement(out / "weights.safetensors", system, config, command, str(train))
    last = out / "last.ckpt"
    _trainer(config, weights).fit(module, data, ckpt_path=last if last.is_file() else None, weights_only=False)
    if not weights.path.is_file():
        raise UserError(f"{out}: stopped before the first validation; run again with more max_steps or max_hours")
    return weights.path


def _trainer(config: DictConfig, weights: WeightsOnImprovement) -> lightning.Trainer:
    limit = [Timer(timedelta(hours=config.max_hours))] if config.max_hours else []
    return lightning.Trainer(
        max_steps=config.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=config.accumulate,
        val_check_interval=config.valid_every * config.accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        precision=config.precision,
        accelerator="auto",
        devices=config.devices,
        strategy=config.strategy,
        default_root_dir=config.out,
        logger=CSVLogger(config.out, name="log"),
        log_every_n_steps=10,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[
            weights,  # before EMA: it saves while the averaged weights are in place
            EMA(config.ema_decay),
            CheckpointAfterValidation(),
            LearningRateMonitor(),
            EarlyStopping("valid_loss", patience=config.patience),
            *limit,
            ModelCheckpoint(
                config.out, filename="last", every_n_train_steps=config.checkpoint_every, enable_version_counter=False
            ),
        ],
    )


def build_system(config: DictConfig) -> System:
    """Fresh networks as configured, or with those of ``config.init`` taken over."""
    method = config.method
    system = new_system(
        method.name,
        config.network.width,
        tuple(config.network.multipliers),
        method.condition,
        spectrogram=Spectrogram(**method.spectrogram),
        sde=sde_from(method.sde),
        t_eps=method.t_eps,
        residue_in_stft=method.get("residue_in_stft", False),
        parametrization=Parametrization(**method.get("parametrization", {})),
        sampler=OmegaConf.to_container(method.sampler) if "sampler" in method else {},
    )
    if config.init is None:
        return system
    given = load(config.init)
    shared = [name for name in system.networks if name in given.networks]
    for name in shared:
        if system.sizes[name] != given.sizes[name]:
            raise UserError(
                f"init={config.init}: its '{name}' network is {given.sizes[name]}, not {system.sizes[name]}"
            )
        system.networks[name].load_state_dict(given.networks[name].state_dict())
    if "score" in system.networks and "score" not in shared and "denoiser" in given.networks and config.warm_start:
        from_predictive(system.networks["score"], given.networks["denoiser"], zero_output=method.name == "refinement")
    elif not shared:
        raise UserError(f"init={config.init}: has none of the networks {', '.join(system.networks)}")
    return system


class CheckpointAfterValidation(lightning.Callback):
    """Saves ``last.ckpt`` with the validation's outcome in it.

    ``ModelCheckpoint`` saves a step before it is validated; continued from there, the validation would
    be missing.
    """

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "last.ckpt")


class WeightsOnImprovement(lightning.Callback):
    """Writes the averaged weights and their card whenever a validation is the best so far."""

    def __init__(self, path: Path, system: System, config: DictConfig, command: str, data: str) -> None:
        self.path, self.system, self.config, self.command, self.data = path, system, config, command, data
        self.best = float("inf")
        self.curve: list[tuple[int, float]] = []
        self.hours = 0.0
        self._started = time.monotonic()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        loss = float(trainer.callback_metrics["valid_loss"])
        self.curve.append((trainer.global_step, round(loss, 4)))
        if loss < self.best and trainer.is_global_zero:
            self.best = loss
            self.system.training = self._record(trainer)
            save(self.path, self.system, torch.float16)
            self.path.with_suffix(".md").write_text(model_card(self.system, self.path.stat().st_size), encoding="utf-8")

    def _record(self, trainer: lightning.Trainer) -> dict[str, Any]:
        return {
            "command": self.command,
            "data": self.data,
            "machine": machine(),
            "config": OmegaConf.to_container(self.config, resolve=True),
            "steps": trainer.global_step,
            "valid_loss": self.best,
            "validation_curve": self.curve,
            "hours": round(self._hours(), 2),
            "torch": torch.__version__,
        }

    def _hours(self) -> float:
        return self.hours + (time.monotonic() - self._started) / 3600

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "curve": self.curve, "hours": self._hours()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.curve, self.hours = state_dict["best"], state_dict["curve"], state_dict["hours"]


def main(overrides: Sequence[str]) -> None:
    """``bench train``: compose the configuration, train, say where the weights are."""
    from bench.config import compose

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisements
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
    config = DictConfig(compose("train", overrides))
    path = train(config, shlex.join(["bench", "train", *overrides]))
    print(f"weights: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    print(json.dumps({key: load(path).training[key] for key in ("steps", "valid_loss", "hours")}))
