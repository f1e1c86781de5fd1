from __future__ import annotations

import numpy as np
import pytest

from results.statistics.analysis import Options, analyse
from results.views.seeds import seed_frame
from tests.results.conftest import make_row, score_rows

QUICK = Options(resamples=1000)


def test_planted_levels_of_variance_are_found() -> None:
    random = np.random.default_rng(0)
    scores = 2 * random.normal(size=(1, 500, 1)) + 0.5 * random.normal(size=(1, 500, 4))
    scores[0, 7] = [0, 20, 0, 20]
    (analysis,) = analyse(score_rows(scores[:, np.arange(500) != 7]), options=QUICK)
    line = seed_frame(analysis).iloc[0]
    assert (line["recordings"], line["seeds"]) == (499, 4)
    assert line["seed_sd"] == pytest.approx(0.5, rel=0.05)
    assert line["recording_sd"] == pytest.approx(2, rel=0.08)
    assert line["icc"] == pytest.approx(4 / 4.25, abs=0.02)
    (with_one,) = analyse(score_rows(scores), options=QUICK)
    assert seed_frame(with_one).iloc[0][["widest", "widest_sd"]].tolist() == [
        "u0007",
        pytest.approx(np.std([0, 20] * 2, ddof=1)),
    ]


def test_the_mean_scatters_from_seed_to_seed_as_it_says() -> None:
    """Beside the standard deviation of 400 seeds' means, which is itself known to 1 / sqrt(2 * 399) = 3.5 %."""
    random = np.random.default_rng(0)
    scores = 3 * random.normal(size=(1, 6, 1)) + random.normal(size=(1, 6, 400))
    (analysis,) = analyse(score_rows(scores), options=QUICK)
    measured = np.std(scores[0].mean(axis=0), ddof=1)
    assert seed_frame(analysis).iloc[0]["mean_sd"] == pytest.approx(measured, rel=0.11)


def test_without_repetition_there_is_no_line() -> None:
    (analysis,) = analyse([make_row("a", pesq=1.0), make_row("b", pesq=2.0)], options=QUICK)
    assert seed_frame(analysis).empty
