"""What is printed: nothing is cut, the best stands out, ties and what is missing are said."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.core.types import Score
from results.statistics.analysis import Options, analyse
from results.store.info import MetricInfo
from results.store.rows import Row
from results.views.terminal import render
from tests.results.conftest import METRICS, make_row

QUICK = Options(resamples=1000)


def printed(rows: list[Row], metrics: dict[str, MetricInfo] | None = None, **console: object) -> str:
    stream = io.StringIO()
    options: dict[str, object] = {"width": 80, "file": stream, "color_system": None} | console
    render(analyse(rows, METRICS if metrics is None else metrics, QUICK), console=Console(**options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_the_best_is_marked_by_the_metrics_own_direction() -> None:
    rows = [make_row(method=name, pesq=value, lsd=value) for name, value in (("low", 1.0), ("high", 2.0))]
    text = printed(rows)
    assert "PESQ ↑" in text
    assert "LSD ↓" in text
    low, high = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("low", "high"))
    assert "*1.0" in low.split() and "≈1.00" in low.split()
    assert "*2.00" in high.split() and "≈2.0" in high.split()
    assert text.count("*") == 3  # the third explains it


def test_what_cannot_be_told_from_the_best_is_marked() -> None:
    """Recordings differ far more than a and b do on each; c is worse on all of them."""
    rows = [
        make_row(str(clip), method=name, pesq=2 + clip + gain * (-1) ** clip - loss)
        for name, gain, loss in (("a", 0.1, 0.01), ("b", -0.1, 0), ("c", 0, 1))
        for clip in range(12)
    ]
    a, b, c = (line.split() for line in printed(rows).splitlines() if line[:2] in ("a ", "b ", "c "))
    assert (a[1], b[1], c[1]) == ("≈7.49", "*7.50", "6.50")


def test_the_best_is_bold_where_the_terminal_can() -> None:
    rows = [make_row(method=name, pesq=value) for name, value in (("a", 1.0), ("b", 2.0))]
    text = printed(rows, color_system="standard", force_terminal=True)
    assert "\x1b[1m2.00\x1b[0m" in text
    assert "\x1b[1m1.00" not in text


def test_whoever_fails_on_hard_recordings_does_not_win_by_it() -> None:
    rows = [
        make_row("easy", method="fails", pesq=3.0, lsd=1.0),
        make_row("hard", method="fails", pesq=Score.missing("error", "crash"), lsd=1.0),
        make_row("easy", method="works", pesq=3.0, lsd=2.0),
        make_row("hard", method="works", pesq=2.0, lsd=2.0),
    ]
    text = printed(rows)
    assert "3.00 [too few] n=1" in text
    assert "*2.50 [" in text
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
    text = printed(rows, metrics, width=width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for i in range(9):
        assert f"Metric {i} ↑" in text
        assert text.count(f"*{10 + i}.0 [{10 + i}.0, {10 + i}.0]") == 3
    assert text.count("NFE") == 1


def test_a_terminal_without_unicode_gets_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    rows = [make_row(u, method=m, pesq=v) for m in "mn" for u, v in (("a", 1.0), ("b", 2.0))]
    rows.append(make_row("a", method="o", pesq=0.5))
    rows.append(make_row("b", method="o", pesq=2.5 - 1e-3))
    render(analyse(rows, METRICS, QUICK), console=Console(file=stream))
    stream.seek(0)
    text = stream.read()
    assert text.count("*1.50 [") == 2
    assert "~1.50 [" in text


def test_names_are_not_markup() -> None:
    text = printed([make_row(method="[red]x[/red]", dataset="[b]d", pesq=1.0)])
    assert "[red]x[/red]" in text
    assert "[b]d" in text


def test_metrics_without_any_value_and_empty_runs_say_so() -> None:
    assert "no results yet" in printed([])
    text = printed([make_row(status="error", reason="corrupt")])
    assert "without any value: PESQ, LSD: 1 error (corrupt)" in text
    assert "noisy" in text


def test_network_calls_that_vary_are_printed_as_a_mean() -> None:
    text = printed([make_row("a", nfe=10, pesq=1.0), make_row("b", nfe=13, pesq=1.0)])
    assert "~11.5" in text


def test_what_is_missing_is_said_with_its_reason() -> None:
    silent = Score.missing("undefined", "the clean reference is silent")
    rows = [make_row(u, method=m, pesq=1.0, lsd=silent if u == "b" else 1.0) for m in "mn" for u in "abc"]
    text = " ".join(printed(rows).split())
    assert "LSD: 2 of 3, missing 1 undefined (the clean reference is silent): m; n" in text


def test_intervals_say_over_what_they_are_and_few_speakers_are_pointed_out() -> None:
    def talk(speakers: int) -> str:
        rows = [make_row(f"{i:02d}", pesq=float(i), tags={"speaker": f"s{i % speakers}"}) for i in range(20)]
        return " ".join(printed(rows).split())

    assert "20 recordings by 2 speakers" in talk(2)
    assert "95 % interval over 2 speakers" in talk(2)
    assert "cluster=null" in talk(2)
    assert "cluster=null" not in talk(10)


def test_a_pooled_rate_says_so() -> None:
    text = " ".join(printed([make_row(wer=Score.rate(1, 4))], {"wer": MetricInfo("WER", "%", False)}).split())
    assert "WER: all errors over all that could be wrong" in text
