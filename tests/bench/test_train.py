"""``bench train`` on tones in noise: the loss falls, whatever kills a training changes nothing, the weights load."""

from __future__ import annotations

import csv
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
import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from rich.progress import Progress

from bench.conf.compose import compose
from bench.core.audio import write
from bench.core.errors import UserError
from bench.core.signals import ENDING, Stopped
from bench.core.types import Audio
from bench.train.model_card import stages
from bench.train.training import fit
from bench.train.training import train as train_on_dataset
from methods import create
from methods.spectrogram import Spectrogram
from methods.training.checkpoint import Checkpoints
from methods.training.module import TrainingModule
from methods.weights import load, new_model, save

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "training"

OBJECTIVES = {
    "predictive": ["method=ncsnpp_m"],
    "predictive_mae": ["method=ncsnpp_m", "method.objective.supervised_loss=mae"],
    "generative": ["method=sgmse_m"],
    "generative_mae": ["method=sgmse_m", "method.objective.score_loss=mae"],
    "generative_clean": ["method=sgmse_m", "method.parametrization.predicts=clean"],
    "refinement": ["method=refinement"],
    "joint": ["experiment=table7_joint"],
    "frozen": ["experiment=table7_frozen"],
    "unsupervised": ["experiment=table7_unsupervised"],
    "pretrained_joint": ["experiment=table7_pretrained_joint"],
    "noisy": ["experiment=table6_noisy"],
    "post_denoiser": ["experiment=table6_post_denoiser"],
}


class Tones:
    """A harmonic tone of random pitch, alone and in white noise."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __str__(self) -> str:
        return "tones\nof random pitch"

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        rng = np.random.default_rng(index)
        phase = 2 * np.pi * rng.uniform(100, 300) * np.arange(4000) / 16000
        clean = sum(np.sin(k * phase) / k for k in range(1, 6))
        return clean.astype(np.float32), (clean + rng.normal(0, 0.5, 4000)).astype(np.float32)


def config(out: Path, *overrides: str) -> DictConfig:
    """A network of a few thousand parameters on spectrograms of 16 x 32."""
    small = ["network.width=4", "network.multipliers=[1,2]", "frames=16"]
    transform = ["method.spectrogram.n_fft=62", "method.spectrogram.hop=16"]
    loop = ["batch_size=4", "accumulate=1", "optimiser.lr=3e-3", "valid_every=5", "checkpoint_every=50", "log_every=2"]
    here = ["workers=0", "devices=1", "threads=1", "scores.recordings=0"]
    return DictConfig(compose("train", [*small, *transform, *loop, *here, *overrides, f"out={out}"]))


@pytest.fixture
def predictive(tmp_path: Path) -> Path:
    """Weights of an untrained predictive network."""
    path = tmp_path / "given.safetensors"
    save(path, new_model("ncsnpp_m", {"width": 4, "multipliers": [1, 2]}, spectrogram=Spectrogram(n_fft=62, hop=16)))
    return path


def train(settings: DictConfig) -> Path:
    return fit(settings, Tones(10**6), Tones(8))


def ended(settings: DictConfig) -> dict[str, Any]:
    """Everything that a training left which must not depend on how often it was stopped."""
    out = Path(settings.out)
    state = torch.load(out / "last.ckpt", weights_only=False)
    with (out / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    timed = ("steps_per_second", "data_wait")
    return {
        "step": state["global_step"],
        "raw": state["state_dict"],
        "averaged": state["callbacks"]["EMA"]["shadow"],
        "optimiser": state["optimizer_states"][0]["state"],
        "schedule": state["lr_schedulers"],
        "weights": {name: network.state_dict() for name, network in load(out / "weights.safetensors").networks.items()},
        "curve": load(out / "weights.safetensors").training["validation_curve"],
        "log": [{name: value for name, value in row.items() if name not in timed} for row in rows],
    }


def assert_same(one: Any, other: Any, where: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{index}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


# Objectives


@pytest.mark.parametrize("name", OBJECTIVES)
def test_thirty_steps_lower_the_loss_and_give_weights_that_enhance(tmp_path: Path, predictive: Path, name: str) -> None:
    settings = config(tmp_path / "out", *OBJECTIVES[name], "max_steps=30", "optimiser.lr=1e-2")
    if settings.init is not None:
        settings.init = str(predictive)
    model = load(train(settings))
    curve = model.training["validation_curve"]
    assert [step for step, _ in curve] == [5, 10, 15, 20, 25, 30]
    assert curve[-1][1] < 0.97 * curve[0][1]
    enhanced = create(model.method, checkpoint=str(tmp_path / "out" / "weights.safetensors")).enhance(
        Tones(9)[3][1], 16000, 2, 0
    )
    assert np.isfinite(enhanced.audio).all() and enhanced.audio.any()


def test_every_row_of_the_papers_tables_is_an_experiment() -> None:
    def objective(name: str) -> tuple[Any, ...]:
        made = compose("train", [f"experiment={name}"])
        assert made["method"]["name"] == "storm" and made["out"] == f"checkpoints/{name}"
        chosen = made["method"]["objective"]
        pretrained = made["init"] is not None
        fine_tuned, supervised = not chosen["freeze_denoiser"], chosen["supervised_loss"] != "none"
        return pretrained, fine_tuned, supervised, made["method"]["condition"]

    assert objective("table7_joint") == (False, True, True, "both")
    assert objective("table7_frozen") == (True, False, False, "both")
    assert objective("table7_unsupervised") == (False, True, False, "both")
    assert objective("table7_pretrained_joint") == (True, True, True, "both")
    for condition in ("noisy", "post_denoiser", "both"):
        assert objective(f"table6_{condition}") == (True, True, True, condition)


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    settings = config(tmp_path, "max_steps=4", "valid_every=2", "batch_size=2", "accumulate=2")
    train(settings)
    assert [step for step, _ in ended(settings)["curve"]] == [2, 4]


# Stopping and continuing


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


@pytest.mark.parametrize("moment", KILLS)
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
    for victim in (0, 2, 9, 15, None):

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
        (signal.SIGTERM, TrainingModule, "training_step", 8, 5),
        (signal.SIGHUP, TrainingModule, "training_step", 9, 5),  # the second of two accumulated batches
        (signal.SIGTERM, TrainingModule, "training_step", 11, 6),  # a validation follows
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


# What else comes out


def test_init_takes_networks_over_and_refuses_other_sizes(tmp_path: Path, predictive: Path) -> None:
    frozen = ["method=storm", "method.objective.freeze_denoiser=true", f"init={predictive}"]
    model = load(train(config(tmp_path / "out", *frozen, "max_steps=5")))
    for name, value in load(predictive).networks["denoiser"].state_dict().items():
        assert torch.allclose(model.networks["denoiser"].state_dict()[name], value, rtol=1e-3, atol=1e-6), name
    with pytest.raises(UserError, match=r"given\.safetensors.*'denoiser'"):
        train(config(tmp_path / "other", *frozen, "max_steps=5", "network.width=8"))
    with pytest.raises(UserError, match=r"init=.*missing.*no such weights file"):
        train(config(tmp_path / "other", "max_steps=5", "init=missing.safetensors"))


def test_of_several_files_the_first_that_has_a_network_gives_it(tmp_path: Path, predictive: Path) -> None:
    joint = config(tmp_path / "joint", "experiment=table7_pretrained_joint", f"init={predictive}", "max_steps=5")
    first = fit(joint, Tones(10**6), Tones(8), "bench train joint")
    both = [
        "method=storm",
        "method.objective.freeze_denoiser=true",
        f"init=[{predictive},{first}]",
        "optimiser.lr=1e-9",
    ]
    second = config(tmp_path / "second", *both, "max_steps=5")
    path = fit(second, Tones(10**6), Tones(8), "bench train second")
    networks = load(path).networks
    for name, source in {"denoiser": predictive, "score": first}.items():
        for key, value in load(source).networks[name].state_dict().items():
            assert torch.allclose(networks[name].state_dict()[key], value, rtol=2e-3, atol=1e-6), (name, key)
    card = path.with_suffix(".md").read_text()
    assert f"{predictive} (sha256 {load(predictive).sha256[:16]}), {first}" in card


def test_storms_score_network_begins_as_sgmses_only_where_asked(tmp_path: Path, predictive: Path) -> None:
    first = train(config(tmp_path / "sgmse", "method=sgmse_m", "max_steps=5"))
    frozen = ["method=storm", "method.objective.freeze_denoiser=true", f"init=[{predictive},{first}]", "max_steps=5"]
    with pytest.raises(UserError, match=r"init=.*weights\.safetensors: its 'score' network is .*'inputs': 2"):
        train(config(tmp_path / "cold", *frozen))
    networks = load(train(config(tmp_path / "warm", *frozen, "warm_start=true", "optimiser.lr=1e-9"))).networks
    stem = load(first).networks["score"].state_dict()["input.weight"]
    warm = networks["score"].state_dict()["input.weight"]
    assert torch.allclose(warm[:, :4], stem, rtol=2e-3, atol=1e-6) and warm[:, 4:].abs().max() < 1e-6


def test_a_stage_that_two_histories_share_is_told_once() -> None:
    first: dict[str, Any] = {"command": "first"}
    second, third = {"command": "second", "before": [first]}, {"command": "third", "before": [first]}
    fourth = {"command": "fourth", "before": [third, second]}
    assert [stage["command"] for stage in stages(fourth)] == ["first", "third", "second", "fourth"]


def test_record_and_card_hold_the_whole_chain(tmp_path: Path) -> None:
    first = fit(config(tmp_path / "first", "max_steps=5", "seed=3"), Tones(10**6), Tones(8), "bench train first")
    second = config(tmp_path / "second", "experiment=table7_frozen", f"init={first}", "max_steps=10")
    path = fit(second, Tones(10**6), Tones(8), "bench train second")
    record = load(path).training
    (before,) = record["before"]
    assert before["command"] == "bench train first" and before["config"]["seed"] == 3
    assert record["init_sha256"] == [load(first).sha256]
    card = path.with_suffix(".md").read_text()
    assert card.index("    bench train first\n    bench train second\n") > 0
    assert f"| steps | 5 + {record['steps']} = {5 + record['steps']} |" in card
    for told in ("- tones\n- of random pitch", "stage 1 of 2: ncsnpp_m", "stage 2 of 2: storm", "| seed | 3 |"):
        assert told in card
    for step, loss in [*before["validation_curve"], *record["validation_curve"]]:
        assert f"| {step} | {loss:g} |" in card


def test_the_record_counts_every_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**9, 3600))
    monkeypatch.setattr("bench.train.record.time.monotonic", lambda: float(next(clock)))
    train(config(tmp_path, "max_steps=5"))
    first = load(tmp_path / "weights.safetensors").training
    train(config(tmp_path, "max_steps=10"))
    record = load(tmp_path / "weights.safetensors").training
    assert first["starts"] == 1 and record["starts"] == 2
    assert record["hours"] > first["hours"] >= 1
    assert "over 2 starts" in (tmp_path / "weights.md").read_text()


def test_sampled_speech_is_scored_at_validations(tmp_path: Path) -> None:
    asked = ["scores.recordings=2", "scores.every=2", "scores.steps=1", "scores.metrics=[si_sdr,estoi]"]
    settings = config(tmp_path, "experiment=table7_joint", "max_steps=15", *asked)
    train(settings)
    scored = {row["step"]: row["valid_si_sdr"] for row in ended(settings)["log"] if row["valid_loss"]}
    assert list(scored) == ["5", "10", "15"]
    assert scored["5"] and scored["15"] and not scored["10"]
    assert "valid_estoi" not in ended(settings)["log"][0]  # a quarter of a second is too short for it


def test_an_unknown_metric_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown metric 'peqs': did you mean 'pesq'"):
        train(config(tmp_path, "max_steps=5", "scores.metrics=[peqs]", "scores.recordings=1"))


def test_the_log_says_losses_rate_and_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(config(tmp_path, "experiment=table7_joint", "max_steps=10", "optimiser.warmup_steps=10"))
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    training = [row for row in rows if row["train_loss"]]
    assert [int(row["step"]) for row in training] == [2, 4, 6, 8, 10]
    assert [float(row["lr"]) for row in training] == pytest.approx([3e-4 * step for step in (2, 4, 6, 8, 10)])
    for row in training:
        both = float(row["train_supervised"]) + float(row["train_score"])
        assert float(row["train_loss"]) == pytest.approx(both / 2, rel=1e-4)
        assert float(row["steps_per_second"]) > 0 and 0 <= float(row["data_wait"]) <= 1
    assert [int(row["step"]) for row in rows if row["valid_loss"]] == [5, 10]
    printed = capsys.readouterr().out
    assert "step 5: valid loss" in printed and "10 steps now: " in printed and "waiting for data" in printed


def test_tensorboard_shows_the_same(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(config(tmp_path, "max_steps=5", "tensorboard=true"))
    train(config(tmp_path, "max_steps=10", "tensorboard=true"))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("valid/loss")] == [5, 10]
    assert [event.step for event in events.Scalars("train/loss")] == [2, 4, 6, 8, 10]


def test_loaders_in_processes_of_their_own_change_nothing(tmp_path: Path) -> None:
    for name, workers in (("none", 0), ("two", 2)):
        train(config(tmp_path / name, "max_steps=5", f"workers={workers}"))
    alone, beside = (ended(config(tmp_path / name, "max_steps=5")) for name in ("none", "two"))
    assert_same(alone["raw"], beside["raw"])


@pytest.mark.slow
def test_two_processes_train_together(tmp_path: Path) -> None:
    """Distributed over two CPU processes: StoRM has layers without gradients, and it must not wait for them."""
    loop = ["max_steps=4", "valid_every=2", "accumulate=2", "batch_size=2", "log_every=2"]
    settings = config(tmp_path, "experiment=table7_joint", *loop, "scores.recordings=3")
    settings.device, settings.devices, settings.strategy = "cpu", 2, "ddp_fork"
    settings.scores.metrics = ["si_sdr"]
    process = multiprocessing.get_context("spawn").Process(target=train, args=(settings,))
    process.start()
    try:
        process.join(500)
        assert process.exitcode == 0
    finally:
        process.kill()
    finished = ended(settings)
    assert finished["step"] == 4 and [step for step, _ in finished["curve"]] == [2, 4]
    state = torch.load(tmp_path / "last.ckpt", weights_only=False)
    assert state["TrainingData"]["consumed"] == 4 * 2 * 2 * 2
    assert all(row["valid_si_sdr"] for row in finished["log"] if row["valid_loss"])


@pytest.mark.parametrize("method", ["ncsnpp_m", "bbed"])
@pytest.mark.parametrize("experiment", ["bandwidth_extension", "dereverberation"])
def test_other_tasks_train_any_method(experiment: str, method: str, tmp_path: Path) -> None:
    """On recordings of one's own alone, so that nothing is generated: without noise for the one task or the other."""
    rng = np.random.default_rng(0)
    for name in ("anna_1", "anna_2", "ben_1", "cleo_1"):
        write(tmp_path / "speech" / f"{name}.wav", rng.normal(0, 0.1, 4000).astype(np.float32), 16000)
    for name in ("hall_1", "office_1", "office_2"):
        response = np.concatenate(([1.0], 0.3 * rng.normal(0, 1, 800) * np.exp(-np.arange(800) / 200)))
        write(tmp_path / "rooms" / f"{name}.wav", response.astype(np.float32), 16000)
    given = [f"dataset.speech_dirs=[{tmp_path / 'speech'}]", f"dataset.rir_dirs=[{tmp_path / 'rooms'}]"]
    given += ["dataset.real_share=1", f"dataset.cache={tmp_path / 'cache'}"]
    settings = config(tmp_path / "out", f"method={method}", f"experiment={experiment}", *given)
    settings = DictConfig({**settings, "max_steps": 2, "valid_every": 2, "valid_size": 2})
    weights = train_on_dataset(settings)
    told = load(weights).training["data"]
    assert ("low-passed at 2000 or 4000 Hz" in told, "100% of the pairs are reverberant" in told) == (
        experiment == "bandwidth_extension",
        experiment == "dereverberation",
    )
    assert not (tmp_path / "cache").exists()  # nothing was generated
