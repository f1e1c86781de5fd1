"""What the paper's figures show, as data; that they are drawn at the width of a column, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from results.figures import metrics, page, process, ratings, spectrograms
from results.figures.spectrograms import RANGE, Signal
from results.statistics.analysis import Analysis, Options, analyse
from tests.results.tables.stored import row

QUICK = Options(resamples=1000)
RATE = 16000


def analysis() -> Analysis:
    rows = [row("noisy", f"c{n}", {"pesq": 1.5 + n / 100, "wer": 40.0}) for n in range(8)]
    rows += [row("ncsnpp_m", f"c{n}", {"pesq": 2.5 + n / 100, "wer": 20.0 + n}) for n in range(8)]
    for steps in (5, 30, 10):
        rows += [row("storm", f"c{n}", {"pesq": 2 + steps / 30 + n / 100, "wer": 15.0}, steps=steps) for n in range(8)]
    return analyse(rows, None, QUICK)[0]


def test_curves_are_over_steps_and_levels_have_none() -> None:
    found = {curve.method: curve for curve in metrics.curves(analysis(), "pesq")}
    assert list(found["storm"].steps) == [5, 10, 30] and list(found["ncsnpp_m"].steps) == []
    assert found["storm"].means == pytest.approx([2 + steps / 30 + 0.035 for steps in (5, 10, 30)])
    assert all(
        low < mean < high
        for low, mean, high in zip(found["storm"].lows, found["storm"].means, found["storm"].highs, strict=True)
    )


def test_methods_of_one_paradigm_are_told_apart_by_their_lines() -> None:
    flat = [metrics.Curve(f"method{n}", "predictive", (), (1.0,), (0.9,), (1.1,)) for n in range(8)]
    looks = metrics._looks(flat)
    assert len({str(look["linestyle"]) for look in looks.values()}) == 8


def test_bars_are_the_leaderboards_rates() -> None:
    found = {bar.label: bar.mean for bar in metrics.bars(analysis(), "wer")}
    assert found["noisy"] == 40 and found["ncsnpp_m"] == 23.5 and found["storm, N = 5"] == 15


def test_one_number_of_steps_is_no_curve() -> None:
    rows = [row("storm", f"c{n}", {"pesq": 2.0 + n}, steps=5) for n in range(3)]
    with pytest.raises(UserError, match="several numbers of steps"):
        metrics.over_steps(analyse(rows, None, QUICK)[0], ["pesq"])


def test_spectrograms_share_a_scale_and_differences_are_signed() -> None:
    time = np.arange(RATE) / RATE
    loud = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    signals = [Signal("loud", loud), Signal("soft", loud / 10), Signal("above", loud, loud / 10)]
    one, soft, above = spectrograms.panels(signals, RATE)
    assert one.decibels.max() == pytest.approx(0, abs=1e-6) and soft.decibels.max() == pytest.approx(-20, abs=0.01)
    assert one.decibels.min() == -RANGE and above.difference and above.decibels.max() == pytest.approx(20, abs=0.01)


def test_silence_against_silence_is_no_difference() -> None:
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    quiet = np.zeros(RATE, np.float32)
    [_, _, between] = spectrograms.panels([Signal("a", click), Signal("b", quiet), Signal("b-b", quiet, quiet)], RATE)
    assert np.all(between.decibels == 0)


def test_every_figure_is_a_column_wide_and_the_same_each_time(tmp_path: Path) -> None:
    t, one = np.linspace(0, 1, 20), np.ones((2, 20))
    towards = process.Process("forward", t, t, t / 10, one * t)
    tone = np.sin(np.arange(RATE)).astype(np.float32)
    drawn = {
        "fig1": lambda: process.draw(towards, towards),
        "fig2": lambda: spectrograms.draw([Signal("a", tone), Signal("b", tone / 2), Signal("c", tone, tone)], RATE),
        "fig6": lambda: metrics.over_steps(analysis(), ["pesq", "wer"]),
        "fig9": lambda: metrics.rates(analysis(), "wer"),
        "fig10": lambda: ratings.draw({"a $x": [1, 50, 90], "b": [20, 30]}, {"a $x": "reference", "b": "predictive"}),
    }
    for name, draw in drawn.items():
        figure = draw()
        assert figure.get_figwidth() == page.WIDTHS["column"]
        written = [path.read_bytes() for path in page.save(figure, tmp_path / "a", name)]
        assert written[0].startswith(b"%PDF") and written[1].startswith(b"\x89PNG") and b"<svg" in written[2]
        if name == "fig9":
            assert written == [path.read_bytes() for path in page.save(draw(), tmp_path / "b", name)]
