"""``bench leaderboard`` on stored runs, as the command line composes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.__main__ import main
from bench.commands.leaderboard import leaderboard, views
from bench.commands.settings import Leaderboard
from bench.conf.compose import compose
from bench.core import audio
from bench.core.errors import UserError
from bench.run.benchmark import run
from results.views.summary import Views
from tests.bench.conftest import RATE, noise

Config = Callable[..., dict[str, Any]]
QUICK = ["resamples=1000", "plots=false"]


def asked(tmp_path: Path, *overrides: str) -> dict[str, Any]:
    return compose("leaderboard", [f"runs_dir={tmp_path / 'runs'}", *QUICK, *overrides])


def test_the_configurations_defaults_are_the_runs_own() -> None:
    assert views(Leaderboard.of(compose("leaderboard", []))) == Views()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("confidence=95", "confidence: a number from 0.5 to below 1; got 95"),
        ("resamples=10", "resamples: a whole number from 1000 up; got 10"),
        ("bins=1", "bins: a whole number from 2 up"),
        ("mix=1", "mix: true or false"),
        ("strata=[{a: 1}]", "strata: auto, or a list, each a text"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(override: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        Leaderboard.of(compose("leaderboard", [override]))


def test_a_run_is_summarised_again_without_computing(config: Config, tmp_path: Path) -> None:
    folder = run(config(limit=2)).folder
    rows = (folder / "rows.jsonl").read_bytes()
    (folder / "leaderboard.csv").unlink()
    assert leaderboard(["test"], asked(tmp_path)) == leaderboard([str(folder)], asked(tmp_path)) == folder
    assert (folder / "leaderboard.csv").exists()
    assert (folder / "rows.jsonl").read_bytes() == rows
    with pytest.raises(UserError, match=r"unknown run in .*nothing"):
        leaderboard(["nothing"], asked(tmp_path))


def test_several_runs_are_one_table_in_a_folder_of_its_own(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config(run="one", methods=["noisy"], limit=3))
    run(config(run="two", methods=["toy_diffusion"], metrics=["si_sdr", "stoi"], seeds=[0, 1], limit=4))
    capsys.readouterr()
    assert main(["leaderboard", "one", "two", f"runs_dir={tmp_path / 'runs'}", *QUICK]) == 0
    printed = capsys.readouterr().out
    folder = tmp_path / "leaderboards" / "one+two"
    assert f"written to {folder}" in printed
    table = pd.read_csv(folder / "leaderboard.csv").set_index("method")
    assert list(table.index) == ["noisy", "toy_diffusion"]
    assert table["si_sdr_n"].to_dict() == {"noisy": 3, "toy_diffusion": 4}
    assert table["si_sdr_reasons"].fillna("").to_dict() == {"noisy": "1 skipped (not computed)", "toy_diffusion": ""}
    assert {path.name for path in folder.iterdir()} >= {
        "leaderboard.md",
        "leaderboard.tex",
        "comparisons.csv",
        "seeds.csv",
    }
    assert pd.read_csv(folder / "comparisons.csv")["n"].tolist() == [3]


def test_runs_on_other_recordings_are_refused_unless_told(config: Config, tmp_path: Path, recordings: Path) -> None:
    run(config(run="one", methods=["noisy"]))
    audio.write(recordings / "noisy" / "clip0.wav", noise(9600), RATE)
    run(config(run="two", methods=["noisy"]))
    with pytest.raises(UserError, match=r"the dataset 'talk' of run one is not that of run two.*mix=true"):
        leaderboard(["one", "two"], asked(tmp_path))
    leaderboard(["one", "two"], asked(tmp_path, "mix=true", f"out={tmp_path / 'both'}"))
    text = (tmp_path / "both" / "leaderboard.md").read_text()
    assert "dataset talk: the recordings differ between one and two" in text


@pytest.mark.usefixtures("drawn")
def test_views_are_written_and_what_does_not_exist_is_named(config: Config, tmp_path: Path, recordings: Path) -> None:
    lines = ["id,noisy,clean,snr,speaker"]
    lines += [f"clip{i},noisy/clip{i}.wav,clean/clip{i}.wav,{i % 2 * 5},s{i % 3}" for i in range(6)]
    (recordings / "list.csv").write_text("\n".join(lines))
    made = config(
        datasets=[str(recordings / "list.csv")], methods=["noisy", "toy_predictor"], metrics=["si_sdr", "stoi"]
    )
    folder = run(made).folder
    leaderboard(["test"], asked(tmp_path, "plots=true", "mixed=[si_sdr]"))
    strata = pd.read_csv(folder / "strata.csv", dtype={"value": str})
    assert strata.groupby(["tag", "value"]).size().to_dict() == {("snr", "0"): 4, ("snr", "5"): 4}
    assert (pd.read_csv(folder / "leaderboard.csv")[["unit", "units"]] == ["speaker", 3]).all(axis=None)
    assert len(pd.read_csv(folder / "metric_correlations.csv")) == 2
    assert set(pd.read_csv(folder / "mixed.csv")["kind"]) <= {"contrast", "sd", "none"}
    drawn = {path.stem for path in (folder / "plots").glob("*.png")}
    assert drawn == {"scores_list", "nfe_list", "metrics_list", "by_snr_list"}
    leaderboard(["test"], asked(tmp_path, "strata=[]", "cluster=null"))
    assert not (folder / "strata.csv").exists() and not (folder / "mixed.csv").exists()
    assert (pd.read_csv(folder / "leaderboard.csv")["unit"] == "recording").all()
    for wrong, told in (
        ("strata=[srn]", "unknown tag 'srn': did you mean 'snr'"),
        ("cluster=speakr", "unknown tag 'speakr': did you mean 'speaker'"),
        ("mixed=[sisdr]", "did you mean 'si_sdr'"),
        ("content=[stoy]", "unknown metric 'stoy': did you mean 'stoi'"),
        ("quality=[si_srd]", "unknown metric 'si_srd': did you mean 'si_sdr'"),
    ):
        with pytest.raises(UserError, match=told):
            leaderboard(["test"], asked(tmp_path, wrong))


def test_a_request_says_all_it_was_asked(tmp_path: Path) -> None:
    request = views(Leaderboard.of(asked(tmp_path, "strata=snr", "cluster=null", "confidence=0.9", "content=[wer]")))
    assert dataclasses.asdict(request.options) == {"cluster": None, "confidence": 0.9, "resamples": 1000}
    assert (request.strata, request.content) == (("snr",), ("wer",))
