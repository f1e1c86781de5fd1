"""The mixed model finds what was put in, and agrees with a paired test where both apply."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from results.statistics.analysis import Analysis, Options, analyse
from results.statistics.mixed import mixed_frame
from tests.results.conftest import make_row, score_rows

pytest.importorskip("statsmodels")


def analysis(scores: np.ndarray, speakers: list[int] | None = None) -> Analysis:
    (made,) = analyse(score_rows(scores, speakers), options=Options(resamples=1000))
    return made


def test_planted_contrasts_and_variances_are_found() -> None:
    random = np.random.default_rng(0)
    speakers = np.repeat(np.arange(40), 8)
    scores = (
        np.array([[1.0], [1.5], [0.8]])
        + (0.6 * random.normal(size=40) + 0.3 * random.normal(size=(3, 40)))[:, speakers]
        + 0.8 * random.normal(size=320)
        + 0.4 * random.normal(size=(3, 320))
    )
    frame = mixed_frame(analysis(scores, speakers.tolist()), "x").set_index("kind")
    contrasts = frame.loc["contrast"]
    assert contrasts["method"].tolist() == ["m01", "m02"]
    assert (contrasts["estimate"] - [0.5, -0.2]).abs().le(3 * contrasts["se"]).all()
    assert contrasts["se"].between(0.06, 0.09).all()  # sqrt(2 (0.3^2 + 0.4^2 / 8) / 40) = 0.074
    sd = frame.loc["sd"].set_index("term")["estimate"]
    planted = {"speaker": 0.6, "speaker x system": 0.3, "recording": 0.8, "rest": 0.4}
    assert sd.to_dict() == pytest.approx(planted, abs=0.17)


def test_of_two_systems_on_independent_recordings_it_is_the_paired_t_test() -> None:
    scores = np.random.default_rng(1).normal(size=(2, 60)) + 2 * np.random.default_rng(2).normal(size=60)
    line = mixed_frame(analysis(scores), "x").iloc[0]
    student = stats.ttest_rel(scores[1], scores[0])
    assert line["estimate"] == pytest.approx(np.mean(scores[1] - scores[0]))
    assert line["estimate"] / line["se"] == pytest.approx(student.statistic, rel=1e-3)


def test_seeds_are_not_more_data() -> None:
    random = np.random.default_rng(3)
    clips = random.normal(size=(1, 30, 1)) + random.normal(size=(2, 30, 1)) + 0.01 * random.normal(size=(2, 30, 10))
    many, one = (mixed_frame(analysis(scores), "x").iloc[0]["se"] for scores in (clips, clips[:, :, :1]))
    assert many == pytest.approx(one, rel=0.05)


def test_nothing_to_compare_is_an_empty_table() -> None:
    (made,) = analyse([make_row("a", x=1.0), make_row("b", x=2.0)])
    assert mixed_frame(made, "x").empty


def test_what_has_no_variance_is_said_or_the_model_given_up() -> None:
    """The second system is good where the first is bad: recordings have no effect of their own."""
    scores = np.random.default_rng(4).normal(size=(1, 40))
    frame = mixed_frame(analysis(np.concatenate([scores, -scores])), "x")
    assert (frame["note"] != "").all()


@pytest.mark.parametrize("speakers", [None, [0, 0, 1, 1, 2, 2]], ids=["recordings", "speakers"])
def test_data_that_no_model_fits_are_known_by_what_they_are(speakers: list[int] | None) -> None:
    slope = np.arange(6.0) / 3
    for scores, reason in {
        (1.0, 1.0): "all scores are the same",
        (0.1, 0.7): "explain every score exactly",
    }.items():
        made = np.array(scores)[:, None] + (0 if scores[0] == scores[1] else slope)
        line = mixed_frame(analysis(np.broadcast_to(made, (2, 6)), speakers), "x")
        assert line["kind"].tolist() == ["none"] and reason in line["note"].item()


def test_systems_without_a_common_recording_are_not_compared_by_a_model() -> None:
    rows = [make_row(f"u{n}", method=f"m{n % 2}", x=float(n**2)) for n in range(8)]
    (made,) = analyse(rows, options=Options(resamples=1000))
    assert "leave none to estimate the error from" in mixed_frame(made, "x")["note"].item()
