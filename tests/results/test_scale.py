"""Intervals stay on the metric's scale, and cover there as often as they say, near its ends and with few units too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from results.statistics.analysis import Options, analyse
from results.statistics.bootstrap import Draws, Resampler
from results.statistics.comparison import compare
from results.statistics.scale import UNBOUNDED, Scale
from results.store.info import MetricInfo
from tests.results.conftest import make_row, score_panel, score_rows

Array = NDArray[np.float64]
REPEATS = 1000
"""Of every simulated experiment: the standard error of a coverage of 95 % is 0.7 %."""

PESQ, ESTOI, MUSHRA, WER = Scale(1.0, 4.64), Scale(-1.0, 1.0), Scale(0.0, 100.0), Scale(0.0, math.inf)


def drawn(values: Array) -> Draws:
    return Resampler(values.shape[1], 1000).ratios(values, np.ones_like(values))


def test_there_and_back() -> None:
    ends = Scale(np.array([0.0, 0, -math.inf, -math.inf]), np.array([1.0, math.inf, 2, math.inf]))
    for x in (np.array([0.3, 7.0, -5, 11]), np.array([0.999, 1e-6, 1.9, -3])):
        assert ends.inward(ends.outward(x)) == pytest.approx(x)
        step = 1e-7
        slope = (ends.outward(x + step) - ends.outward(x - step)) / (2 * step)
        assert ends.slope(x) == pytest.approx(slope, rel=1e-2)


@pytest.mark.parametrize("units", [3, 5, 9, 20])
@pytest.mark.parametrize(
    ("scale", "a", "b"),
    [(PESQ, 3, 5), (PESQ, 1, 8), (ESTOI, 20, 2), (MUSHRA, 1, 4), (MUSHRA, 0.8, 0.8)],
    ids=["PESQ", "low PESQ", "high ESTOI", "low MUSHRA", "MUSHRA of two minds"],
)
def test_the_interval_keeps_to_the_scale_and_covers(scale: Scale, a: float, b: float, units: int) -> None:
    """Beta-distributed scores; without the transform low PESQ of few recordings is covered in 90 %."""
    values = scale.low + (scale.high - scale.low) * np.random.default_rng(units).beta(a, b, size=(REPEATS, units))
    low, high = drawn(values).interval(scale=scale)
    told = np.isfinite(low)
    assert ((scale.low <= low) & (low < high) & (high <= scale.high))[told].all()
    truth = scale.low + (scale.high - scale.low) * a / (a + b)
    assert 0.92 <= np.mean(~told | ((low <= truth) & (truth <= high))) <= 0.985


@pytest.mark.parametrize(("units", "least"), [(5, 0.91), (10, 0.91), (30, 0.93)])
def test_pooled_error_rates_of_few_recordings_are_covered(units: int, least: float) -> None:
    """Without the transform 83, 86 and 92 %."""
    random = np.random.default_rng(units)
    words = random.integers(3, 20, size=(REPEATS, units))
    errors = random.binomial(words, random.beta(0.3, 1.5, size=words.shape)).astype(float)
    some = errors.sum(axis=1) > 0
    low, high = Resampler(units, 1000).ratios(errors[some], words[some].astype(float)).interval(scale=WER)
    assert (low[np.isfinite(low)] >= 0).all()
    assert least <= np.mean(np.isnan(low) | ((low <= 0.3 / 1.8) & (high >= 0.3 / 1.8)))


@pytest.mark.parametrize("units", [3, 6, 20])
def test_differences_on_a_scale_are_told_apart_by_chance_as_often_as_asked(units: int) -> None:
    random = np.random.default_rng(units)
    draws = drawn(3.64 * (random.beta(3, 5, size=(REPEATS, units)) - random.beta(3, 5, size=(REPEATS, units))))
    scale = PESQ.differences()
    low, high = draws.interval(scale=scale)
    assert np.nanmin(low) >= -3.64 and np.nanmax(high) <= 3.64
    p = draws.p_value(scale)
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.02)
    assert (((low > 0) | (high < 0)) == (p < 0.05))[np.isfinite(low) & (np.abs(p - 0.05) > 1e-6)].all()


def test_two_recordings_say_too_little_of_a_scale_with_two_ends() -> None:
    low, high = drawn(np.array([[1.2, 1.9], [2.9999, 3.0001]])).interval(scale=PESQ)
    assert np.isnan([low[0], high[0]]).all()
    assert 2.9 < low[1] < 3 < high[1] < 3.1


def test_whoever_is_at_the_end_is_there_with_certainty_unless_it_is_an_answer() -> None:
    top = drawn(np.full((1, 4), 1.0))
    assert np.array(top.interval(scale=Scale(0, 1))).reshape(-1).tolist() == [1, 1]
    low, high = top.interval(scale=Scale(0, 1, answers=True))
    assert (low, high) == (pytest.approx([0.025**0.25]), pytest.approx([1]))  # Clopper and Pearson: 0.398
    low, high = drawn(np.full((1, 4), 0.0)).interval(scale=Scale(0, 1, answers=True))
    assert (low, high) == (pytest.approx([0]), pytest.approx([1 - 0.025**0.25]))


def test_a_score_beyond_its_scale_is_treated_as_if_there_were_none() -> None:
    """What a network guesses may lie beyond."""
    values = np.array([[5.1, 5.2, 5.3, 5.2]])
    assert drawn(values).interval(scale=Scale(1, 5)) == drawn(values).interval(scale=UNBOUNDED)


def test_equal_differences_are_equal_in_whatever_order_they_are_summed() -> None:
    """Differences that only rounding sets apart have no spread: a sign test's p, not one of 1e-30."""
    units = 6
    values = 0.1 + 1e-17 * np.random.default_rng(0).normal(size=(1, units)) + np.array([[0, 2.8e-17, 0, 0, 0, 0]])
    assert drawn(values).p_value() == pytest.approx(2 / 2**units)
    pair = compare(score_panel(np.stack([np.linspace(1.1, 3.7, 9) + 0.1, np.linspace(1.1, 3.7, 9)])))["x"][0]
    assert (pair.p_wilcoxon, pair.dz) == (pytest.approx(2 / 2**9), math.inf)


def test_a_metrics_ends_reach_its_mean_its_differences_and_its_strata() -> None:
    """Three recordings between 1 and 4.6, one system near each end: intervals on PESQ's scale."""
    values = np.array([[1.02, 1.9, 1.1], [4.6, 3.2, 4.5]])
    (analysis,) = analyse(score_rows(values), {"x": MetricInfo("PESQ", low=1.0, high=4.64)}, Options(resamples=1000))
    for summary, direction in zip(analysis.summaries, (1, -1), strict=True):
        own = summary.metrics["x"]
        assert 1 <= own.low < own.mean < own.high <= 4.64
        assert direction * (own.high - own.mean - (own.mean - own.low)) > 0  # longer away from the end
    (pair,) = analysis.comparisons["x"]
    assert -3.64 <= pair.low < pair.difference < pair.high <= 3.64
    (without,) = analyse(score_rows(values), options=Options(resamples=1000))
    assert without.summaries[0].metrics["x"].low < 1


def test_one_recording_and_two_far_apart_are_too_few() -> None:
    rows = [
        make_row(u, method=m, pesq=v)
        for m, of in {"a": (1.2, 2.5), "b": (1.3,)}.items()
        for u, v in zip("uv", of, strict=False)
    ]
    (analysis,) = analyse(rows, {"pesq": MetricInfo("PESQ", low=1.0, high=4.64)}, Options(resamples=1000))
    assert all(math.isnan(summary.metrics["pesq"].low) for summary in analysis.summaries)
