from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.core.errors import UserError
from bench.core.types import Score
from results.info import MetricInfo
from results.leaderboard import leaderboard, render, write_csv
from results.rows import Row
from tests.results.conftest import METRICS, make_row


def printed(frame: pd.DataFrame, metrics: dict[str, MetricInfo] | None = None, **console: object) -> str:
    stream = io.StringIO()
    options: dict[str, object] = {"width": 80, "file": stream, "color_system": None} | console
    render(frame, METRICS if metrics is None else metrics, Console(**options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_columns_are_named_and_ordered() -> None:
    frame = leaderboard([make_row(new=1.0)], METRICS)
    assert list(frame.columns) == [
        *("dataset", "method", "steps", "paradigm", "utterances", "seeds"),
        *("pesq_mean", "pesq_sd", "pesq_n", "pesq_missing", "lsd_mean", "lsd_sd", "lsd_n", "lsd_missing"),
        *("new_mean", "new_sd", "new_n", "new_missing"),
        *("nfe", "nfe_varies", "rtf", "failed"),
    ]
    assert list(leaderboard([], METRICS).columns) == [name for name in frame.columns if not name.startswith("new")]


def test_one_line_per_method_dataset_and_steps(benchmark_rows: Callable[..., list[Row]]) -> None:
    rows = benchmark_rows(dataset="demo") + benchmark_rows(dataset="other")
    frame = leaderboard(rows, METRICS)
    assert len(frame) == 2 * 7
    assert (frame["pesq_n"] + frame["pesq_missing"] == frame["utterances"]).all()
    pd.testing.assert_frame_equal(leaderboard(rows[::-1], METRICS), frame)


def test_the_file_reads_back(tmp_path: Path) -> None:
    rows = [make_row("a", pesq=1.0), make_row("b", pesq=Score.missing("error", "crash")), make_row("c", pesq=2.0)]
    back = pd.read_csv(write_csv(leaderboard(rows), tmp_path)).iloc[0]
    assert (back["pesq_mean"], back["pesq_n"], back["pesq_missing"], back["failed"]) == (1.5, 2, 1, 1)
    assert back["pesq_sd"] == pytest.approx(0.5**0.5, rel=1e-5)
    assert pd.isna(back["steps"])


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="run"):
        write_csv(leaderboard([]), tmp_path / "run")


def test_the_best_is_marked_by_the_metrics_own_direction() -> None:
    rows = [make_row(method=name, pesq=value, lsd=value) for name, value in (("low", 1.0), ("high", 2.0))]
    text = printed(leaderboard(rows, METRICS))
    assert "PESQ ↑" in text
    assert "LSD ↓" in text
    low, high = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("low", "high"))
    assert "*1.0" in low.split()
    assert "*2.00" in high.split()
    assert text.count("*") == 3  # the third explains it


def test_what_prints_alike_is_tied() -> None:
    rows = [make_row(method=name, pesq=value) for name, value in (("a", 2.001), ("b", 2.002), ("c", 1.9))]
    text = printed(leaderboard(rows))
    assert text.count("*2.00") == 2


def test_the_best_is_bold_where_the_terminal_can() -> None:
    rows = [make_row(method=name, pesq=value) for name, value in (("a", 1.0), ("b", 2.0))]
    text = printed(leaderboard(rows), color_system="standard", force_terminal=True)
    assert "\x1b[1m2.00\x1b[0m" in text
    assert "\x1b[1m1.00" not in text


def test_whoever_fails_on_hard_recordings_does_not_win_by_it() -> None:
    rows = [
        make_row("easy", method="fails", pesq=3.0, lsd=1.0),
        make_row("hard", method="fails", pesq=Score.missing("error", "crash"), lsd=1.0),
        make_row("easy", method="works", pesq=3.0, lsd=2.0),
        make_row("hard", method="works", pesq=2.0, lsd=2.0),
    ]
    text = printed(leaderboard(rows, METRICS))
    assert "3.00 n=1" in text
    assert "*2.50±0.71" in text
    assert "failed" in text


@pytest.mark.parametrize("width", [30, 40, 80, 120, 200])
def test_nothing_is_cut_at_any_width(width: int) -> None:
    metrics = {f"m{i}": MetricInfo(f"Metric {i}", "dB") for i in range(9)}
    rows = [
        make_row(
            u, method=f"a_rather_long_method_{k}", steps=30, nfe=60, **{m: 10.0 + i for i, m in enumerate(metrics)}
        )
        for k in range(3)
        for u in "ab"
    ]
    text = printed(leaderboard(rows, metrics), metrics, width=width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for i in range(9):
        assert f"Metric {i} ↑" in text
        assert text.count(f"*{10 + i}.0±0.0") == 3
    assert text.count("NFE") == 1


def test_a_terminal_without_unicode_gets_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render(leaderboard([make_row("a", pesq=1.0), make_row("b", pesq=2.0)], METRICS), METRICS, Console(file=stream))
    stream.seek(0)
    assert "*1.50+/-0.71" in stream.read()


def test_names_are_not_markup() -> None:
    text = printed(leaderboard([make_row(method="[red]x[/red]", dataset="[b]d", pesq=1.0)]))
    assert "[red]x[/red]" in text
    assert "[b]d" in text


def test_metrics_without_any_value_and_empty_runs_say_so() -> None:
    assert "no results yet" in printed(leaderboard([], METRICS))
    text = printed(leaderboard([make_row(status="error", reason="corrupt")], METRICS))
    assert "without any value: PESQ, LSD" in text
    assert "noisy" in text


def test_network_calls_that_vary_are_printed_as_a_mean() -> None:
    text = printed(leaderboard([make_row("a", nfe=10, pesq=1.0), make_row("b", nfe=13, pesq=1.0)]))
    assert "~11.5" in text
