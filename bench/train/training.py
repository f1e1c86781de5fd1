"""``bench train``: a dataset, a method's objective, Lightning's loop; weights and a model card come out."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from bench.core.errors import UserError
from bench.core.files import sweep
from bench.core.memory import keep_freed_memory
from bench.core.notes import show
from bench.core.signals import Stopped
from bench.datasets.leaks.sources import Sources, beside, joined, read
from bench.datasets.recipes.prepared_pairs import training_source
from bench.train.initial import take_over
from bench.train.model import untrained
from bench.train.precision import resolve
from bench.train.progress import StepBar
from bench.train.record import BestWeights
from bench.train.scores import ValidationScores
from bench.train.settings import check, check_same
from methods.losses import Objective
from methods.training.checkpoint import Checkpoints, TimeLimit
from methods.training.data import Source, TrainingData
from methods.training.ema import EMA
from methods.training.log import TrainingLog
from methods.training.module import Optimiser, TrainingModule
from methods.weights import load


def train(config: DictConfig, command: str = "bench train") -> Path:
    """Train as ``config`` (``conf/train.yaml``) says; returns the weights file.

    Every file goes into ``config.out``; a ``last.ckpt`` found there is continued. The weights are the
    EMA's at the best validation, stored as float16.

    Raises:
        UserError: the configuration makes no sense, or differs from that of the training in ``out``.
    """
    check(_plain(config))
    pairs = training_source("train", _plain(config.dataset))
    rank_zero_only(show)(pairs.notes())
    return fit(
        config,
        pairs,
        training_source("valid", _plain(config.dataset), config.valid_size),
        command,
    )


def fit(config: DictConfig, train: Source, valid: Source, command: str = "bench train") -> Path:
    """``train`` on given recordings."""
    check(_plain(config))
    precision = resolve(config.precision, config.device)
    config = DictConfig({**config, "precision": precision})  # stored so, and kept where it goes on
    keep_freed_memory()
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, verbose=False)
    out = _folder(config)
    model = untrained(_plain(config))
    given = take_over(model, config.init, config.warm_start)
    module = TrainingModule(
        model, Objective(**_plain(config.method.objective)), Optimiser(**config.optimiser), config.seed
    )
    data = TrainingData(
        train,
        valid,
        model.spectrogram,
        frames=config.frames,
        batch_size=config.batch_size,
        accumulate=config.accumulate,
        workers=config.workers,
        seed=config.seed,
        normalise=config.normalise,
    )
    weights = BestWeights(
        out / "weights.safetensors", model, config, command, str(train), given, partial(_sources, config, train)
    )
    log = TrainingLog(out / "log.csv", config.log_every, out / "tensorboard" if config.tensorboard else None)
    scores = ValidationScores(model, valid, **config.scores)
    trainer = _trainer(config, scores, weights, log)
    with _interruptible(trainer):
        last = out / "last.ckpt"
        trainer.fit(module, data, ckpt_path=last if last.is_file() else None, weights_only=False)
    if trainer.is_global_zero and log.speed.steps:
        print(f"{log.speed.steps} steps now: {log.speed}")
    return weights.path


def _sources(config: DictConfig, train: Source) -> Sources:
    """What the weights have seen: in this training, and in those of the weights that it starts from."""
    init = [config.init] if isinstance(config.init, str) else list(config.init or ())
    before = [read(path) for path in (beside(Path(file).expanduser()) for file in init) if path.is_file()]
    own = getattr(train, "sources", None)
    return joined([*([own()] if own is not None else []), *before])


def _folder(config: DictConfig) -> Path:
    """The folder of the training, its configuration written beside whatever is there already.

    Raises:
        UserError: it cannot be written, or holds a training with other settings.
    """
    out = Path(config.out).expanduser()
    stored = out / "config.yaml"
    try:
        out.mkdir(parents=True, exist_ok=True)
        sweep(out)
        if (last := out / "last.ckpt").is_file():
            if not stored.is_file() or not zipfile.is_zipfile(last):
                raise UserError(
                    f"{last}: damaged, or not of this version; remove it to begin anew, or name another out="
                )
            check_same(_plain(config), _plain(OmegaConf.load(stored)), out)
        rank_zero_only(OmegaConf.save)(config, stored)
    except OSError as error:
        raise UserError(f"out={config.out}: cannot be written ({error})") from error
    return out


def _trainer(config: DictConfig, scores: ValidationScores, weights: BestWeights, log: TrainingLog) -> lightning.Trainer:
    limit = [TimeLimit(config.max_hours)] if config.max_hours else []
    out = weights.path.parent
    try:
        return lightning.Trainer(
            max_steps=config.max_steps,
            max_epochs=-1,
            accumulate_grad_batches=config.accumulate,
            val_check_interval=config.valid_every * config.accumulate,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            precision=config.precision,
            accelerator=config.device,
            devices=_plain(config)["devices"],
            strategy=config.strategy,
            benchmark=True,
            default_root_dir=out,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            callbacks=[
                scores,  # these three before EMA: the averaged weights are still in place
                weights,
                log,
                EMA(config.ema_decay, restart=config.ema_restart),
                *limit,
                *([StepBar()] if sys.stderr.isatty() else []),
                Checkpoints(out / "last.ckpt", config.checkpoint_every, config.valid_every),
            ],
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        given = " ".join(f"{key}={config[key]}" for key in ("device", "devices", "strategy", "precision"))
        raise UserError(f"{given}: {error}") from error


@contextmanager
def _interruptible(trainer: lightning.Trainer) -> Iterator[None]:
    """Lightning ends the process on Ctrl-C and on SIGTERM; here both are the ``KeyboardInterrupt`` that they were."""
    try:
        yield
    except SystemExit as stop:
        if not trainer.interrupted:
            raise
        came = stop.__context__
        raise came if isinstance(came, KeyboardInterrupt) else Stopped(signal.SIGTERM) from stop


def _plain(config: Any) -> dict[str, Any]:
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def main(overrides: Sequence[str]) -> None:
    """``bench train``: compose the configuration, train, say where the weights are."""
    from bench.conf.compose import compose

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisements
    warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated")  # Lightning's own affair with torch
    config = DictConfig(compose("train", overrides))
    path = train(config, shlex.join(["bench", "train", *overrides]))
    _say(path)


@rank_zero_only
def _say(path: Path) -> None:
    record = load(path).training
    print(f"weights: {path} ({path.stat().st_size / 1e6:.1f} MB), card beside it")
    print(f"the lowest validation loss of this training: {record['valid_loss']:g}, at step {record['steps']}")
