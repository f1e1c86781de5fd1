from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.core import tables
from bench.core.errors import UserError
from bench.core.types import Score
from results.statistics.analysis import Options, analyse
from results.store.info import MetricInfo
from results.store.rows import Row
from results.views.behaviour import goodhart
from results.views.leaderboard import comparisons, leaderboard
from results.views.typeset import markdown
from tests.results.conftest import METRICS, make_row, score_rows

QUICK = Options(resamples=1000)
PARTS = ["mean", "ci_low", "ci_high", "median", "sd", "seed_sd", "n", "missing", "reasons", "standing"]


def table(rows: list[Row]) -> pd.DataFrame:
    return leaderboard(analyse(rows, METRICS, QUICK), METRICS)


def test_columns_are_named_and_ordered() -> None:
    frame = table([make_row(new=1.0)])
    assert list(frame.columns) == [
        *("dataset", "method", "steps", "paradigm", "utterances", "seeds", "unit", "units"),
        *(f"{metric}_{part}" for metric in ("pesq", "lsd", "new") for part in PARTS),
        *("nfe", "nfe_varies", "rtf", "rtf_low", "rtf_high", "parameters", "macs_per_second", "peak_memory_mb"),
        *("algorithmic_latency_ms", "failed", "found", "adjusted"),
    ]
    assert list(table([]).columns) == [name for name in frame.columns if not name.startswith("new")]


def test_one_line_per_method_dataset_and_steps(benchmark_rows: Callable[..., list[Row]]) -> None:
    rows = benchmark_rows(dataset="demo") + benchmark_rows(dataset="other")
    frame = table(rows)
    assert len(frame) == 2 * 7
    assert (frame["pesq_n"] + frame["pesq_missing"] == frame["utterances"]).all()
    assert ((frame["pesq_ci_low"] < frame["pesq_mean"]) & (frame["pesq_mean"] < frame["pesq_ci_high"])).all()
    assert (frame.groupby("dataset")["pesq_standing"].apply(list).map(lambda found: found.count("best")) == 1).all()
    pd.testing.assert_frame_equal(table(rows[::-1]), frame)


def test_the_file_reads_back(tmp_path: Path) -> None:
    rows = [make_row("a", pesq=1.0), make_row("b", pesq=Score.missing("error", "crash")), make_row("c", pesq=2.0)]
    back = pd.read_csv(tables.write(table(rows), tmp_path / "leaderboard.csv")).iloc[0]
    assert (back["pesq_mean"], back["pesq_n"], back["pesq_missing"], back["failed"]) == (1.5, 2, 1, 1)
    assert back["pesq_reasons"] == "1 error (crash)"
    assert back["pesq_sd"] == pytest.approx(0.5**0.5, rel=1e-5)
    assert pd.isna(back["steps"])


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="run"):
        tables.write(table([]), tmp_path / "run" / "leaderboard.csv")


def test_comparisons_say_who_is_better_by_the_metrics_own_direction() -> None:
    rows = [
        make_row(str(clip), method=method, pesq=value + clip % 3, lsd=value + clip % 3)
        for method, value in (("low", 1.0), ("high", 2.0))
        for clip in range(20)
    ]
    rows = [replace(row, scores={**row.scores, "odd": Score(float(i % 2))}) for i, row in enumerate(rows)]
    frame = comparisons(analyse(rows, METRICS, QUICK)).set_index("metric")
    assert frame["method_a"].tolist() == ["high"] * 3
    assert frame["better"].to_dict() == {"pesq": "a", "lsd": "b", "odd": ""}
    assert frame["difference"].to_dict() == pytest.approx({"pesq": 1, "lsd": 1, "odd": 0})
    assert frame.loc["pesq", "n"] == frame.loc["pesq", "units"] == 20


def test_every_two_systems_are_compared_once(benchmark_rows: Callable[..., list[Row]]) -> None:
    frame = comparisons(analyse(benchmark_rows(), METRICS, QUICK))
    assert len(frame) == 2 * 7 * 6 / 2
    assert (frame["holm_bootstrap"] >= frame["p_bootstrap"]).all()
    assert (frame["better"].eq("") == frame["holm_bootstrap"].ge(0.05)).all()
    assert comparisons(analyse(score_rows(pd.DataFrame([[1.0, 2.0]]).to_numpy()), options=QUICK)).empty


def test_a_metric_that_calls_neither_way_good_has_no_best() -> None:
    """How far a second stage moved is a description: nobody wins by it."""
    info = {"moved": MetricInfo("Moved", "dB", higher_is_better=None), "lsd": METRICS["lsd"]}
    rows = [
        make_row(str(clip), method=method, paradigm="predictive", moved=level + clip / 10, lsd=level + clip / 10)
        for clip in range(8)
        for method, level in (("a", -30.0), ("b", -10.0), ("c", -20.0))
    ]
    (made,) = analyse(rows, info, QUICK)
    assert made.standings == {"moved": ["", "", ""], "lsd": ["best", "", ""]}
    assert comparisons([made]).groupby("metric")["better"].agg("".join).to_dict() == {"lsd": "aab", "moved": ""}
    assert "Moved (dB) |" in markdown([made], [[]])
    assert goodhart(made) == []
