"""What a training leaves beside its weights: the record, the card, the log, scores at validations."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import pytest

from bench.conf.compose import compose
from bench.core.errors import UserError
from bench.train.model_card import commands, stages
from bench.train.settings import differences
from bench.train.training import fit
from methods.weights import EMBEDDED, load
from tests.bench.tones import Tones, config, ended, train


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


def test_a_command_names_what_has_other_defaults_since() -> None:
    command = "bench train method=ncsnpp_m experiment=small"
    stored = compose("train", ["method=ncsnpp_m", "experiment=small", "optimiser.lr=0.5", "dataset.low_pass=[2000]"])
    del stored["dataset"]["rumble_share"]
    assert commands({"command": command, "config": stored}) == [f"{command} 'dataset.low_pass=[2000]' optimiser.lr=0.5"]
    gone = "bench train method=ncsnpp_m a_key_of_before=1"
    assert commands({"command": gone, "config": stored}) == [gone]


@pytest.mark.parametrize("name", ["ncsnpp_m", "sgmse_m", "refinement", "storm"])
def test_the_commands_of_an_embedded_card_stand_for_its_trainings(name: str) -> None:
    training = load(EMBEDDED / f"{name}.safetensors").training
    card = (EMBEDDED / f"{name}.md").read_text().splitlines()
    told = [line.strip() for line in card if line.startswith("    bench train ")]
    assert told == commands(training)
    for stage, command in zip(stages(training), told, strict=True):
        assert differences(compose("train", shlex.split(command)[2:]), stage["config"]) == {}


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
