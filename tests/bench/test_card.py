"""``bench card``: a weights file's card with what was measured of that very file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.__main__ import main
from bench.datasets.leaks.prints import RESPONSE
from bench.datasets.leaks.sources import Source, Sources, beside, write
from bench.run.benchmark import run
from methods.weights import EMBEDDED, load, save

Config = Callable[..., dict[str, Any]]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(shutil.copy(EMBEDDED / "ncsnpp_m.safetensors", tmp_path / "mine.safetensors"))


def test_scores_are_those_of_the_leaderboard_and_differences_have_their_sign(
    config: Config, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ["noisy", {"name": "ncsnpp_m", "checkpoint": str(weights), "label": "mine"}, "toy_predictor"]
    folder = run(config(methods=methods, metrics=["si_sdr", "estoi"])).folder
    asked = [str(weights), str(folder), "note='It is *small*.'", "resamples=1000"]
    assert main(["card", *asked]) == 0, capsys.readouterr().err
    card = weights.with_suffix(".md").read_text()
    assert card.startswith("# ncsnpp_m\n") and card.endswith("\nIt is *small*.\n")
    board = pd.read_csv(folder / "leaderboard.csv").set_index("method")
    mine, control = board.loc["mine", "si_sdr_mean"], board.loc["noisy", "si_sdr_mean"]
    line = next(line for line in card.splitlines() if line.startswith("| mine"))
    assert line.startswith(f"| mine | 1 | {mine:.1f} ({mine - control:+.1f} [")
    assert f"| noisy | 0 | {control:.1f} |" in card
    assert "toy_predictor" not in card


def test_a_mean_over_fewer_recordings_says_of_how_many(config: Config, weights: Path) -> None:
    methods = ["noisy", {"name": "ncsnpp_m", "checkpoint": str(weights)}]
    folder = run(config(methods=methods, metrics=["si_sdr"], limit=2)).folder
    run(config(methods=methods, metrics=["estoi"], limit=1))
    assert main(["card", str(weights), str(folder), "resamples=1000"]) == 0
    line = next(line for line in weights.with_suffix(".md").read_text().splitlines() if line.startswith("| ncsnpp_m |"))
    assert line.count(", n = 1") == 1


def test_methods_of_one_label_that_runs_mean_otherwise_are_both_in_it(
    config: Config, weights: Path, tmp_path: Path
) -> None:
    copy = shutil.copy(weights, tmp_path / "copy.safetensors")
    for name, path in {"one": weights, "two": copy}.items():
        run(config(run=name, methods=[{"name": "ncsnpp_m", "checkpoint": str(path), "label": "mine"}], limit=1))
    assert main(["card", str(weights), "one", "two", f"runs_dir={tmp_path / 'runs'}", "resamples=1000"]) == 0
    card = weights.with_suffix(".md").read_text()
    assert "| mine (one) |" in card and "| mine (two) |" in card


def test_a_run_that_did_not_use_the_file_is_refused(
    config: Config, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.safetensors"
    model = load(weights)
    model.training["hours"] = 0
    save(other, model)
    folder = run(config(methods=["noisy", {"name": "ncsnpp_m", "checkpoint": str(weights)}])).folder
    assert main(["card", str(other), str(folder)]) == 2
    assert f"run test: no method in it used {other}" in capsys.readouterr().err
    assert not other.with_suffix(".md").exists()


def test_a_card_needs_no_run(weights: Path) -> None:
    assert main(["card", str(weights)]) == 0
    assert "## Scores" not in weights.with_suffix(".md").read_text()


def test_the_card_of_embedded_weights_goes_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.commands.card.EMBEDDED", tmp_path)
    embedded = shutil.copy(EMBEDDED / "ncsnpp_m.safetensors", tmp_path)
    card = tmp_path / "ncsnpp_m.md"
    card.write_text("theirs")
    assert main(["card", embedded]) == 2
    assert f"{card}: is the card of embedded weights; name another file by out=NAME.md" in capsys.readouterr().err
    assert main(["card", embedded, f"out={embedded}"]) == 2
    assert "name it .md" in capsys.readouterr().err
    assert card.read_text() == "theirs"
    assert main(["card", embedded, f"out={tmp_path / 'new' / 'mine.md'}"]) == 0
    assert (tmp_path / "new" / "mine.md").read_text().startswith("# ncsnpp_m\n")
    assert main(["card", embedded, f"out={card}"]) == 0
    assert card.read_text() != "theirs"


def test_a_card_lists_the_sources_that_a_run_looks_into(weights: Path) -> None:
    none = np.zeros(0, np.uint32)
    clips = [Source("clip", f"{n}", f"p{n % 400:03}", none) for n in range(800)]
    others = [
        Source("noise", "bus/1", "bus_2024", none),
        Source("room", "a", "hall_3", np.zeros((0, RESPONSE), np.int8)),
    ]
    write(beside(weights), Sources([*clips, *others], ("VoiceBank", "DEMAND")))
    assert main(["card", str(weights)]) == 0
    card = weights.with_suffix(".md").read_text()
    assert "## What it has heard" in card
    assert "- corpora: VoiceBank, DEMAND\n" in card
    assert "- speech: 800; speakers, 400: p000, p001," in card
    assert "p299 and 100 more\n" in card
    assert "- noise: 1; noise recordings, 1: bus_2024\n- responses: 1; rooms, 1: hall_3\n" in card


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "usage: bench card"),
        (["nothing.safetensors"], "nothing.safetensors: not a .safetensors file"),
        (["README.md"], "README.md: not a .safetensors file"),
    ],
)
def test_what_cannot_have_a_card_is_named(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_weights_without_a_record_have_none(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = load(weights)
    model.training.clear()
    save(weights, model)
    assert main(["card", str(weights)]) == 2
    assert "says nothing of a training" in capsys.readouterr().err
