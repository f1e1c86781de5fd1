"""The interval covers as often as it says, also with few, unequal or skewed units; p-values are its other side."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from results.statistics.bootstrap import Draws, Resampler

Array = NDArray[np.float64]
REPEATS = 2000
"""Of every simulated experiment: the standard error of a coverage of 95 % is 0.5 %."""


def covers(truth: float, numerators: Array, denominators: Array) -> float:
    """How often the interval held the truth; every line of the arguments is an experiment."""
    low, high = Resampler(numerators.shape[1], 2000).ratios(numerators, denominators).interval()
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize("units", [2, 3, 4, 6, 8, 12, 30, 100])
def test_normal_data_are_covered_however_few(units: int) -> None:
    values = np.random.default_rng(units).normal(3, 2, (REPEATS, units))
    assert 0.935 <= covers(3, values, np.ones_like(values)) <= 0.965


@pytest.mark.parametrize(("units", "least"), [(10, 0.88), (30, 0.91), (100, 0.925), (300, 0.935)])
def test_skewed_data_are_covered_the_better_the_more(units: int, least: float) -> None:
    values = np.random.default_rng(units).exponential(size=(REPEATS, units))
    assert least <= covers(1, values, np.ones_like(values)) <= 0.96


@pytest.mark.parametrize("speakers", [4, 8, 28])
def test_recordings_of_few_speakers_are_covered_where_treating_them_as_independent_is_not(speakers: int) -> None:
    random = np.random.default_rng(speakers)
    each = random.integers(5, 16, size=(REPEATS, speakers))
    level = random.normal(size=(REPEATS, speakers))  # speakers differ as much as their recordings do
    sums = each * level + np.sqrt(each) * random.normal(size=(REPEATS, speakers))
    assert 0.92 <= covers(0, sums, each.astype(float)) <= 0.965
    shape = (500, speakers, 10)
    clips = (random.normal(size=(*shape[:2], 1)) + random.normal(size=shape)).reshape(500, -1)
    assert covers(0, clips, np.ones_like(clips)) < 0.6


@pytest.mark.parametrize(("recordings", "least"), [(30, 0.91), (100, 0.93), (300, 0.935)])
def test_pooled_error_rates_are_covered(recordings: int, least: float) -> None:
    """Sentences of 3 to 19 words; most are understood, some not at all."""
    random = np.random.default_rng(recordings)
    words = random.integers(3, 20, size=(REPEATS, recordings))
    errors = random.binomial(words, random.beta(0.3, 1.5, size=words.shape))
    assert least <= covers(0.3 / 1.8, errors.astype(float), words.astype(float)) <= 0.965


@pytest.mark.parametrize("units", [2, 3, 5, 8, 20, 200])
def test_p_values_of_no_difference_are_uniform(units: int) -> None:
    differences = np.random.default_rng(units).normal(size=(REPEATS, units))
    p = Resampler(units, 2000).ratios(differences, np.ones_like(differences)).p_value()
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.016)
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.04)


def test_far_out_p_values_are_students() -> None:
    """Holm needs p-values far smaller than one in the number of draws."""
    differences = np.random.default_rng(0).normal(0.6, 1, (40, 60))
    p = Resampler(60).ratios(differences, np.ones_like(differences)).p_value()
    student = stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert student.min() < 1e-6
    np.testing.assert_allclose(np.log10(p), np.log10(student), atol=0.6)


def test_the_interval_excludes_zero_exactly_where_p_is_below_its_level() -> None:
    differences = np.random.default_rng(1).exponential(size=(500, 25)) - 0.7
    draws = Resampler(25).ratios(differences, np.ones_like(differences))
    low, high = draws.interval(0.9)
    p = draws.p_value()
    clear = np.abs(p - 0.1) > 0.002  # between two draws
    assert (((low > 0) | (high < 0)) == (p < 0.1))[clear].all()


def test_estimates_are_ratios_of_sums_and_differences_are_paired() -> None:
    values = np.random.default_rng(0).normal(size=(1, 50))
    pair = Resampler(50, 1000).ratios(np.concatenate([values, values + 0.25]), np.ones((2, 50)))
    assert pair.estimate == pytest.approx([values.mean(), values.mean() + 0.25])
    difference = pair[np.array([1])] - pair[np.array([0])]
    assert np.allclose(difference.values, 0.25)
    assert difference.interval() == (pytest.approx([0.25]), pytest.approx([0.25]))


def test_resamples_do_not_depend_on_the_other_columns_nor_on_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(3, 40))
    whole = Resampler(40, 1000).sums(values)
    np.testing.assert_allclose(Resampler(40, 1000).sums(values[1:2]), whole[1:2])
    assert whole.std(axis=1) == pytest.approx(np.sqrt(40) * values.std(axis=1), rel=0.1)


def test_units_without_data_do_not_count() -> None:
    values = np.random.default_rng(0).normal(size=(1, 12))
    there = np.arange(12) < 9
    draws = Resampler(12).ratios(values * there, there[None].astype(float))
    assert draws.units.tolist() == [9]
    assert draws.estimate == pytest.approx([values[0, :9].mean()])


def test_nothing_and_one_unit_have_no_interval_and_no_p() -> None:
    draws = Resampler(3, 1000).ratios(np.array([[0.0, 0, 0], [2, 0, 0]]), np.array([[0.0, 0, 0], [1, 0, 0]]))
    assert np.isnan([*draws.interval(), draws.p_value()]).all()
    assert np.isnan(draws.estimate[0]) and draws.estimate[1] == 2


def test_no_difference_at_all_is_p_one_and_no_spread_what_a_sign_test_says() -> None:
    draws = Resampler(5, 1000).ratios(np.array([[0.0] * 5, [0.25] * 5]), np.ones((2, 5)))
    assert draws.p_value() == pytest.approx([1, 2 / 2**5])
    assert isinstance(draws, Draws)
