"""A training that is killed, stopped or refused: it ends as an unbroken one, or in one line."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from omegaconf import DictConfig
from rich.progress import Progress

from bench.core.errors import UserError
from bench.core.signals import ENDING, Stopped
from bench.train.training import fit
from methods.training.checkpoint import Checkpoints
from methods.training.module import TrainingModule
from methods.weights import load
from tests.bench.tones import Tones, assert_same, config, ended, train

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "training"


class Killed(Exception):
    """Stands for the end of the process: nothing after it is saved."""


Hook = tuple[type, str, Callable[..., bool]]

KILLS: dict[str, Hook] = {
    "before a step": (TrainingModule, "training_step", lambda self, _, index: self.global_step == 3),
    "between accumulated batches": (TrainingModule, "training_step", lambda self, _, index: index == 7),
    "in a validation": (
        TrainingModule,
        "validation_step",
        lambda self, _, index: self.global_step == 6 and index == 1,
    ),
    "in the first validation": (TrainingModule, "validation_step", lambda self, _, index: self.global_step == 3),
    "before a checkpoint": (Checkpoints, "_save", lambda self, trainer: trainer.global_step == 6),
    "just after a validation": (TrainingModule, "training_step", lambda self, _, index: index == 12),
}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return started(tmp_path_factory.mktemp("unbroken"))


def broken_config(out: Path) -> DictConfig:
    """StoRM, two batches a step, a validation every three steps, a learning rate that rises and falls."""
    schedule = ["optimiser.warmup_steps=4", "optimiser.decay_steps=10"]
    loop = ["valid_every=3", "checkpoint_every=2", "max_steps=10", "batch_size=2", "accumulate=2"]
    return config(out, "experiment=table7_joint", *loop, *schedule)


def started(out: Path) -> dict[str, Any]:
    settings = broken_config(out)
    train(settings)
    return ended(settings)


OFTEN = {"between accumulated batches", "in a validation"}
"""The moments that are no slow tests."""


@pytest.mark.parametrize(
    "moment", [pytest.param(moment, marks=[] if moment in OFTEN else [pytest.mark.slow]) for moment in KILLS]
)
def test_a_killed_training_ends_as_an_unbroken_one(
    tmp_path: Path, unbroken: dict[str, Any], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, now = KILLS[moment]
    original = getattr(owner, name)

    def kill(self: Any, *arguments: Any) -> Any:
        if now(self, *arguments):
            raise Killed
        return original(self, *arguments)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(owner, name, kill)
        started(tmp_path)
    assert_same(started(tmp_path), unbroken)


def test_a_training_that_is_killed_again_and_again_ends_as_an_unbroken_one(
    tmp_path: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real SIGKILL, at one batch after the other, until there is none left to be killed at."""
    context = multiprocessing.get_context("fork")
    original = TrainingModule.training_step
    for victim in (0, 9, None):

        def step(self: TrainingModule, batch: Any, index: int, victim: int | None = victim) -> Any:
            if victim is not None and index >= victim:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(self, batch, index)

        monkeypatch.setattr(TrainingModule, "training_step", step)
        process = context.Process(target=started, args=(tmp_path,))
        process.start()
        process.join()
        assert process.exitcode == (0 if victim is None else -signal.SIGKILL)
    assert_same(ended(broken_config(tmp_path)), unbroken)


@pytest.mark.parametrize(
    ("number", "owner", "name", "index", "step"),
    [
        pytest.param(signal.SIGTERM, TrainingModule, "training_step", 8, 5, marks=pytest.mark.slow),
        (signal.SIGHUP, TrainingModule, "training_step", 9, 5),  # the second of two accumulated batches
        pytest.param(
            signal.SIGTERM, TrainingModule, "training_step", 11, 6, marks=pytest.mark.slow
        ),  # then a validation
        (signal.SIGTERM, TrainingModule, "validation_step", 0, 3),
    ],
)
def test_a_signal_lets_the_step_be_finished_and_stored(
    tmp_path: Path,
    unbroken: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    owner: type,
    name: str,
    index: int,
    step: int,
) -> None:
    before = {each: signal.getsignal(each) for each in ENDING}
    original = getattr(owner, name)

    def work(self: Any, batch: Any, at: int) -> Any:
        if at == index:
            signal.raise_signal(number)
        return original(self, batch, at)

    with monkeypatch.context() as patch, pytest.raises(Stopped) as stopped:
        patch.setattr(owner, name, work)
        started(tmp_path)
    assert stopped.value.number == number
    assert torch.load(tmp_path / "last.ckpt", weights_only=False)["global_step"] == step
    assert {each: signal.getsignal(each) for each in ENDING} == before
    assert_same(started(tmp_path), unbroken)


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]])
def test_ctrl_c_and_a_second_signal_end_a_training_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: list[signal.Signals]
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    steps = 0

    def work(self: Any, batch: Any, at: int) -> Any:
        nonlocal steps
        steps += 1
        for number in numbers:
            signal.raise_signal(number)
        raise AssertionError("nothing comes after it")

    monkeypatch.setattr(TrainingModule, "training_step", work)
    with pytest.raises(KeyboardInterrupt):
        started(tmp_path)
    assert steps == 1
    signal.signal(signal.SIGINT, handler)  # Lightning leaves it ignored


def test_a_full_disk_is_one_line_and_costs_nothing_that_was_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(tmp_path, "max_steps=6", "valid_every=6", "checkpoint_every=2")
    original = lightning.Trainer.save_checkpoint

    def full(self: lightning.Trainer, path: Path, *arguments: Any) -> None:
        original(self, path, *arguments)
        if self.global_step >= 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"last\.ckpt: cannot be used \(No space left"):
        patch.setattr(lightning.Trainer, "save_checkpoint", full)
        train(settings)
    assert torch.load(tmp_path / "last.ckpt", weights_only=False)["global_step"] == 2
    assert not list(tmp_path.glob(".*.part"))
    train(settings)
    assert ended(settings)["step"] == 6


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".log.csv.part").mkdir()
    with pytest.raises(UserError, match=r"log\.csv.*: cannot be used"):
        train(config(tmp_path, "max_steps=5"))


def test_the_bar_says_steps_of_all_and_the_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown: list[tuple[float, float | None, str]] = []
    update = Progress.update

    def watched(self: Progress, task: Any, **changes: Any) -> None:
        update(self, task, **changes)
        shown.append((self.tasks[0].completed, self.tasks[0].total, self.tasks[0].description))

    monkeypatch.setattr(Progress, "update", watched)
    train(config(tmp_path, "max_steps=5", "valid_every=5"))
    assert [each for each in shown if each[0] < 5] == [(step, 5, "steps") for step in range(1, 5)]
    assert shown[-3:] == [(5, 5, "steps"), (5, 5, "steps, validating"), (5, 5, "steps")]
    shown.clear()
    train(config(tmp_path, "max_steps=7", "valid_every=5"))
    assert shown[0] == (6, 7, "steps")


def test_a_checkpoint_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(tmp_path, "max_steps=6", "valid_every=6", "checkpoint_every=2")
    original = lightning.Trainer.save_checkpoint

    def half(self: lightning.Trainer, path: Path, *arguments: Any) -> None:
        if self.global_step < 4:
            return original(self, path, *arguments)
        Path(path).write_bytes(b"half a checkpoint")
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(lightning.Trainer, "save_checkpoint", half)
        train(settings)
    assert torch.load(tmp_path / "last.ckpt", weights_only=False)["global_step"] == 2
    train(settings)
    assert ended(settings)["step"] == 6


def test_time_that_is_up_changes_nothing(
    tmp_path: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every batch takes an hour. The same command goes on for as long again, and ends where one command would."""
    batches = 0
    original = TrainingModule.training_step

    def hour(self: TrainingModule, batch: Any, index: int) -> Any:
        nonlocal batches
        batches += 1
        return original(self, batch, index)

    monkeypatch.setattr(TrainingModule, "training_step", hour)
    monkeypatch.setattr("lightning.pytorch.callbacks.timer.time.monotonic", lambda: 3600.0 * batches)
    settings = broken_config(tmp_path)
    settings.max_hours = 9
    steps = []
    for _ in range(2):
        train(settings)
        steps.append(torch.load(tmp_path / "last.ckpt", weights_only=False)["global_step"])
        assert (tmp_path / "weights.safetensors").is_file()
    assert steps == [5, 10]
    finished = ended(settings)
    for part in ("raw", "averaged", "optimiser", "schedule", "step"):
        assert_same(finished[part], unbroken[part], part)


def test_a_finished_training_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = config(tmp_path, "max_steps=5")
    first = train(settings).stat().st_mtime_ns
    before = ended(settings)
    assert train(settings).stat().st_mtime_ns == first
    assert_same(ended(settings), before)
    settings.max_steps = 10
    train(settings)
    assert ended(settings)["step"] == 10


def test_patience_ends_a_training_and_the_same_command_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("methods.training.ema.ema_decay", lambda *_: 1.0)  # the average stays, nothing gets better
    settings = config(tmp_path, "max_steps=100", "valid_every=2", "patience=3")
    train(settings)
    finished = ended(settings)
    assert finished["step"] == 8 and len(finished["log"]) == 4 + 4  # losses, validations
    train(settings)
    assert_same(ended(settings), finished)


def test_a_training_with_other_settings_is_not_continued(tmp_path: Path) -> None:
    train(config(tmp_path, "max_steps=5"))
    with pytest.raises(UserError, match=r"holds a training with optimiser.lr=0.003, not 0.1; .*another out="):
        train(config(tmp_path, "max_steps=5", "optimiser.lr=0.1"))
    with pytest.raises(UserError, match=r"method\.name=ncsnpp_m, not sgmse_m|method\.sampler"):
        train(config(tmp_path, "max_steps=5", "method=sgmse_m"))
    train(config(tmp_path, "max_steps=6", "patience=3", "checkpoint_every=1"))


def test_what_auto_precision_came_to_is_stored(tmp_path: Path) -> None:
    settings = config(tmp_path / "auto", "max_steps=5", "precision=auto")
    weights = fit(settings, Tones(10**6), Tones(8))
    came_to = load(weights).training["config"]["precision"]
    assert came_to in ("32-true", "bf16-mixed")
    other = {"32-true": "bf16-mixed", "bf16-mixed": "32-true"}[came_to]
    with pytest.raises(UserError, match=f"holds a training with precision={came_to}"):
        fit(DictConfig({**settings, "precision": other}), Tones(10**6), Tones(8))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    settings = config(tmp_path, "max_steps=5")
    train(settings)
    whole = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / "last.ckpt").write_bytes(whole[:5000])
    with pytest.raises(UserError, match=r"last\.ckpt: damaged, or not of this version; remove it"):
        train(settings)


def test_what_lightning_refuses_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="strategy=ddp_nonsense"):
        train(config(tmp_path, "max_steps=5", "strategy=ddp_nonsense", "device=cpu", "devices=2"))


def test_processes_that_nobody_asked_for_are_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match="devices=99: no GPU here"):
        train(config(tmp_path / "out", "max_steps=5", "devices=99"))
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"validation loss is nan at step 5: lower optimiser\.lr=1e\+30"):
        train(config(tmp_path, "max_steps=10", "optimiser.lr=1e30"))


def test_ctrl_c_is_an_interruption_not_an_exit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(TrainingModule, "training_step", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(config(tmp_path, "max_steps=5"))
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning has it ignored from then on


def test_a_training_that_an_older_version_began_is_continued(tmp_path: Path) -> None:
    """Keys have been renamed since, and ``condition`` was a key of every method."""
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    assert "told: t" in (tmp_path / "config.yaml").read_text()
    before = torch.load(tmp_path / "last.ckpt", weights_only=False)
    small = ["method=sgmse_m", "network.multipliers=[1]", "valid_every=2", "checkpoint_every=2", "batch_size=2"]
    train(config(tmp_path, *small, "max_steps=6"))
    after = ended(config(tmp_path))
    curve = [tuple(entry) for entry in after["curve"]]
    assert after["step"] == 6 and curve[:2] == before["callbacks"]["BestWeights"]["curve"]
    assert [step for step, _ in curve] == [2, 4, 6]
    with pytest.raises(UserError, match=r"method\.parametrization\.time_input=t, not sigma"):
        train(config(tmp_path, *small, "max_steps=6", "method.parametrization.time_input=sigma"))
