"""A method under development against a stored run: nothing of that is computed again, everything is compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bench.__main__ import main
from bench.conf.compose import compose
from bench.core.types import Score
from bench.run.baseline import numbered
from bench.run.benchmark import run
from bench.run.settings import SMALL
from results.statistics.analysis import Options
from results.store.folder import Store
from results.store.merge import read
from results.tables.paired import against
from tests.bench.conftest import talk
from tests.results.tables.stored import row, store

BASE = (("loud", 3.0, 9), ("clear", 2.0, 1), ("poor", 1.0, 12))
"""Systems with their PESQ and wrong words."""


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two methods on four of six recordings, with two step counts and two metrics; and the recordings."""
    folder = tmp_path_factory.mktemp("computed")
    talk(folder)
    entries = {"methods": ["noisy", "toy_diffusion"], "metrics": ["si_sdr", {"name": "si_sdr", "label": "again"}]}
    what = {"datasets": [str(folder / "talk")], "limit": 4, "steps": [2, 4], "seeds": [1], **entries}
    run({"run": "base", "runs_dir": str(folder / "runs"), "workers": 0, "measure_cost": False, **what})
    return folder


@pytest.fixture
def base(computed: Path, tmp_path: Path) -> Path:
    """A copy of that run, with no other beside it."""
    return Path(shutil.copytree(computed / "runs", tmp_path / "runs")) / "base"


def bench(base: Path, *keys: str) -> int:
    return main(["run", f"runs_dir={base.parent}", "workers=0", "measure_cost=false", *keys])


def test_a_method_is_run_on_what_the_baseline_holds_and_compared_with_all_of_it(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (base / "rows.jsonl").read_bytes(), (base / "manifest.json").read_bytes()
    log = tmp_path / "log"
    assert bench(base, f"method={{name: toy_predictor, log: {log}, label: mine}}", "baseline=base") == 0
    assert ((base / "rows.jsonl").read_bytes(), (base / "manifest.json").read_bytes()) == before
    held = {key.utterance for key in Store(base).rows()}
    assert sorted(log.read_text().split()) == sorted(held) and len(held) == 4

    mine = base.parent / "mine-1"
    rows = Store(mine).rows()
    assert {key.method for key in rows} == {"mine"} and {key.utterance for key in rows} == held
    assert all(set(row.scores) == {"si_sdr", "again"} for row in rows.values())

    frame = pd.read_csv(mine / "differences.csv")
    frame["steps"] = frame.steps.fillna(0)
    pairs = frame[frame.metric == "si_sdr"].set_index(["method", "steps"])
    assert [*pairs.index] == [("noisy", 0), ("toy_diffusion", 2), ("toy_diffusion", 4)]
    assert set(frame.method_after) == {"mine"} and (frame.n == 4).all()

    def mean(folder: Path, *system: object) -> float:
        rows = Store(folder).rows().items()
        found = [row.scores["si_sdr"].value for key, row in rows if (key.method, key.steps or 0) == system]
        assert len(found) == 4
        return sum(filter(None, found)) / 4

    for system, pair in pairs.iterrows():
        assert pair.before == pytest.approx(mean(base, *system), abs=1e-4)
        assert pair.after == pytest.approx(mean(mine, "mine", 0), abs=1e-4)
        assert pair.difference == pytest.approx(pair.after - pair.before, abs=1e-3)

    said = capsys.readouterr().out
    assert "4 cells asked for, 4 computed now" in said and "and its difference from each system of base" in said
    assert any(line.startswith("toy_diffusion, N=2") for line in said.splitlines())
    assert "talk, SI-SDR: mine" in said and "best of base noisy" in said


def test_a_small_draw_is_of_what_the_baseline_holds(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.run.settings.SMALL", 2)
    assert bench(base, "method=toy_predictor", "data=small", "baseline=base") == 0
    assert bench(base, "method=toy_predictor", "data=small", "baseline=base") == 0
    drawn = [{key.utterance for key in Store(base.parent / f"toy_predictor-{n}").rows()} for n in (1, 2)]
    held = {key.utterance for key in Store(base).rows()}
    assert len(drawn[0]) == 2 and drawn[0] == drawn[1] and drawn[0] < held


def test_what_is_given_goes_before_what_the_baseline_says(base: Path) -> None:
    asked = compose("run", [f"runs_dir={base.parent}", "baseline=base", "method=toy_diffusion"])
    assert (asked["steps"], asked["seeds"], asked["run"], asked["method"]) == ([2, 4], [1], "toy_diffusion-1", None)
    assert [metric if isinstance(metric, str) else metric["label"] for metric in asked["metrics"]] == [
        "si_sdr",
        "again",
    ]
    keys = ["steps=[3]", "metrics=[si_sdr]", "run=own", "seeds=[0,2]"]
    asked = compose("run", [f"runs_dir={base.parent}", "baseline=base", "method=toy_diffusion", *keys])
    assert (asked["steps"], asked["seeds"], asked["run"], asked["metrics"]) == ([3], [0, 2], "own", ["si_sdr"])


def test_short_keys_are_written_out() -> None:
    asked = compose("run", ["method={name: storm, corrector: ald}", "data=small"])
    assert asked["methods"] == [{"name": "storm", "corrector": "ald"}] and asked["limit"] == SMALL
    assert asked["datasets"] == ["demo"] and asked["run"] == "default"
    assert compose("run", ["data=demo_full"])["datasets"] == ["demo_full"]


def test_a_study_of_a_short_command_is_the_same(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [f"runs_dir={base.parent}", "method=toy_predictor", "data=small", "baseline=base"]
    assert main(["run", *keys, "--cfg"]) == 0
    study = tmp_path / "study.yaml"
    study.write_text(capsys.readouterr().out)
    assert compose("run", [str(study)]) == compose("run", keys)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            ["method=toy_predictor", "methods=[noisy]"],
            "method=toy_predictor is short for methods=...; give one of them",
        ),
        (["data=small", "limit=2"], "data=small is short for limit=...; give one of them"),
        (["data=demo", "datasets=[demo]"], "data=demo is short for datasets=...; give one of them"),
        (["baseline=base"], "baseline: say what is compared with it, as in method=NAME"),
        (["method=toy_predictor", "baseline=bass"], "did you mean 'base'?"),
        (["method=toy_predictor", "baseline=base", "run=base"], "baseline=base is the run itself"),
        (["method=toy_predictor", "baseline=base", "data=demo"], "'demo' is not in the baseline base, which has talk"),
    ],
)
def test_what_cannot_be_is_one_line(keys: list[str], said: str, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert bench(base, *keys) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert [path.name for path in base.parent.iterdir()] == ["base"]


def test_other_recordings_under_the_same_name_are_refused(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"data={talk(tmp_path, first=1)}"
    assert bench(base, "method=toy_predictor", "baseline=base", data) == 2
    assert "the recordings of 'talk' are not those of the baseline base" in capsys.readouterr().err


def test_a_baseline_without_rows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["run", f"runs_dir={tmp_path}", "method=noisy", "baseline=empty"]) == 2
    assert "baseline: no rows are stored in" in capsys.readouterr().err


def test_every_call_has_a_run_of_its_own(tmp_path: Path) -> None:
    assert numbered(["mine"], tmp_path) == "mine-1"
    for name in ("mine-1", "mine-7", "mine-7a", "mine-x", "other-9"):
        (tmp_path / name).mkdir()
    assert numbered([{"name": "mine", "cutoff": 3}], tmp_path) == "mine-8"
    assert numbered(["a", {"name": "b", "label": "c"}], tmp_path) == "a+c-1"
    assert numbered(list("abcd"), tmp_path) == "a+3-1"


def test_oracles_of_a_baseline_are_not_compared_with(tmp_path: Path) -> None:
    folder = store(
        tmp_path / "base", [row("mine", "c", {"pesq": 2.0}), row("clean", "c", {"pesq": 4.6}, paradigm="oracle")]
    )
    [pair] = against(*read([folder, store(tmp_path / "new", [row("new", "c", {"pesq": 2.1})])]), Options()).pairs
    assert (pair.method, pair.method_after, pair.comparison.difference) == ("mine", "new", pytest.approx(0.1))


def test_the_best_of_a_baseline_is_the_best_in_each_metrics_direction(tmp_path: Path) -> None:
    base = [row(name, f"c{n}", {"pesq": p + n, "wer": Score.rate(w, 20)}) for n in (0, 1) for name, p, w in BASE]
    new = [row("new", f"c{n}", {"pesq": 2.0, "wer": Score.rate(3, 20)}) for n in (0, 1)]
    compared = against(*read([store(tmp_path / "base", base), store(tmp_path / "new", new)]), Options())
    assert [(pair.metric, pair.method) for pair in compared.leaders()] == [("pesq", "loud"), ("wer", "clear")]


def test_a_forecast_counts_what_the_baseline_holds(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(base, "method=toy_predictor", "baseline=base", "dry_run=true") == 0
    assert "4 cells asked for: 0 stored, 4 to enhance and score" in capsys.readouterr().out
    assert not (base.parent / "toy_predictor-1").exists()


def test_a_real_method_on_the_embedded_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [f"runs_dir={tmp_path}", "workers=0", "measure_cost=false"]
    methods = ["methods=[noisy,wiener]", "metrics=[si_sdr,estoi]", "limit=3", "run=base"]
    assert main(["run", *keys, *methods]) == 0
    assert main(["run", *keys, "method=logmmse", "data=small", "baseline=base"]) == 0
    frame = pd.read_csv(tmp_path / "logmmse-1" / "differences.csv")
    assert set(zip(frame.method, frame.metric, strict=True)) == {
        (method, metric) for method in ("noisy", "wiener") for metric in ("si_sdr", "estoi")
    }
    assert (frame.n == 3).all() and frame.difference.notna().all() and (frame.difference != 0).all()
    assert json.loads((tmp_path / "logmmse-1" / "manifest.json").read_text())["datasets"].keys() == {"demo"}
    assert "best of base" in capsys.readouterr().out
