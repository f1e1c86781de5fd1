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
    assert line["mean_sd"] == pytest.approx(np.std(scores[0, np.arange(500) != 7].mean(axis=0), ddof=1), rel=0.9)
    (with_one,) = analyse(score_rows(scores), options=QUICK)
    assert seed_frame(with_one).iloc[0][["widest", "widest_sd"]].tolist() == [
        "u0007",
        pytest.approx(np.std([0, 20] * 2, ddof=1)),
    ]


def test_without_repetition_there_is_no_line() -> None:
    (analysis,) = analyse([make_row("a", pesq=1.0), make_row("b", pesq=2.0)], options=QUICK)
    assert seed_frame(analysis).empty
