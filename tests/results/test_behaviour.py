"""Correlations are scipy's, within a paradigm; a lead that rests on one metric is pointed out, chance is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.core.types import Score
from results.statistics.analysis import Analysis, Options, analyse
from results.store.info import MetricInfo
from results.store.rows import Row
from results.views.behaviour import KINDS, correlate, correlation_frame, goodhart
from tests.results.conftest import make_row

QUICK = Options(resamples=1000)
INFO = {name: MetricInfo(name.upper(), higher_is_better=name != "lsd") for name in ("pesq", "lsd", "estoi", "sdr")}


def analysed(rows: list[Row]) -> Analysis:
    (made,) = analyse(rows, INFO, QUICK)
    return made


def test_coefficients_are_scipys_within_each_paradigm() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 50))
    y = np.concatenate([x[:2] + 0.5 * random.normal(size=(2, 50)), -(x[2:] ** 3)])
    rows = [
        make_row(
            f"{clip:02d}",
            method=f"m{m}",
            paradigm="predictive" if m < 2 else "generative",
            pesq=x[m, clip],
            lsd=-y[m, clip],
        )
        for m in range(4)
        for clip in range(50)
    ]
    rows[0] = make_row("00", method="m0", paradigm="predictive", pesq=Score.missing("error", "crash"), lsd=0.0)
    predictive, generative = correlate(analysed(rows))
    a, b = x[:2].reshape(-1)[1:], y[:2].reshape(-1)[1:]  # turned: less LSD is better
    assert (predictive.paradigm, predictive.n, predictive.units) == ("predictive", 99, 50)
    assert predictive.coefficient["pearson"] == pytest.approx(stats.pearsonr(a, b).statistic)
    assert predictive.coefficient["spearman"] == pytest.approx(stats.spearmanr(a, b).statistic)
    assert (generative.low["spearman"], generative.high["spearman"]) == (pytest.approx(-1), pytest.approx(-1))
    interval = stats.pearsonr(a, b).confidence_interval()
    assert (predictive.low["pearson"], predictive.high["pearson"]) == pytest.approx(interval, abs=0.04)
    assert generative.coefficient["spearman"] == pytest.approx(-1)
    assert generative.coefficient["pearson"] == pytest.approx(
        stats.pearsonr(x[2:].reshape(-1), y[2:].reshape(-1)).statistic
    )


def test_intervals_of_few_recordings_hold_the_true_coefficient() -> None:
    """95 % of 200 are meant; without Fisher's transform it is 90 %."""
    random = np.random.default_rng(5)
    x = random.normal(size=(200, 10))
    y = 0.8 * x + 0.6 * random.normal(size=(200, 10))
    rows = [
        make_row(str(clip), dataset=f"d{sample:03d}", paradigm="predictive", pesq=x[sample, clip], sdr=y[sample, clip])
        for sample in range(200)
        for clip in range(10)
    ]
    pairs = [pair for made in analyse(rows, INFO, QUICK) for pair in correlate(made)]
    assert 0.93 <= np.mean([pair.low["pearson"] <= 0.8 <= pair.high["pearson"] for pair in pairs]) <= 0.995
    assert all(-1 <= pair.low[kind] <= pair.high[kind] <= 1 for pair in pairs for kind in KINDS)


def test_what_does_not_vary_has_no_correlation_and_too_little_is_left_out() -> None:
    rows = [make_row(str(clip), paradigm="predictive", pesq=1.0, lsd=float(clip)) for clip in range(8)]
    (pair,) = correlate(analysed(rows))
    assert np.isnan([pair.coefficient["pearson"], pair.low["pearson"], pair.coefficient["spearman"]]).all()
    assert correlate(analysed(rows[:4])) == []
    assert correlation_frame([pair], "demo")["n"].tolist() == [8]


def leaders(gains: dict[str, dict[str, float]], spread: float = 0.1) -> list[str]:
    """Warnings for methods with these mean scores on 20 recordings."""
    random = np.random.default_rng(0)
    level = random.normal(size=20)
    rows = [
        make_row(
            f"{clip:02d}",
            method=method,
            paradigm="control" if method == "noisy" else "predictive",
            **{metric: float(level[clip] + value + spread * random.normal()) for metric, value in means.items()},
        )
        for method, means in gains.items()
        for clip in range(20)
    ]
    return goodhart(analysed(rows))


GAMED = {
    "noisy": {"pesq": 0.0, "lsd": 9.0, "estoi": -1.0, "sdr": -1.0},
    "honest": {"pesq": 1.0, "lsd": 2.0, "estoi": 1.0, "sdr": 2.0},
    "plain": {"pesq": 0.8, "lsd": 2.5, "estoi": 0.9, "sdr": 1.0},
    "pesqetarian": {"pesq": 3.0, "lsd": 5.0, "estoi": 0.2, "sdr": 0.1},
}


def test_a_method_that_leads_on_one_metric_and_is_last_on_the_rest_is_pointed_out() -> None:
    (warning,) = leaders(GAMED)
    assert warning.startswith("pesqetarian leads on PESQ but is last on 3 of 3 other metrics (LSD, ESTOI, SDR)")


def test_nobody_is_warned_without_a_reason() -> None:
    better = {**GAMED, "pesqetarian": {"pesq": 3.0, "lsd": 1.0, "estoi": 1.5, "sdr": 1.5}}
    assert leaders(better) == []
    assert leaders(GAMED, spread=30) == []  # nothing is told apart
    assert leaders({name: GAMED[name] for name in ("noisy", "honest", "pesqetarian")}) == []  # of two, one is last
