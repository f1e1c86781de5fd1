"""A recording is suspect that sounds better and says less; seeds count in parts."""

from __future__ import annotations

import numpy as np
import pytest

from bench.core.types import Score
from results.statistics.analysis import Analysis, Options, analyse
from results.store.info import MetricInfo
from results.views.hallucination import hallucination_frame, hallucinations, remarks, suspects_frame
from tests.results.conftest import make_row

INFO = {
    "wer": MetricInfo("WER", "%", higher_is_better=False, name="wer", aspect="content"),
    "sound": MetricInfo("DNSMOS", "MOS", name="dnsmos", aspect="quality", intrusive=False),
    "pesq": MetricInfo("PESQ", "MOS", name="pesq", aspect="quality"),
}


def analysis() -> Analysis:
    """Of four recordings one sounds better and says less, one does so half of the time, two do not."""
    noisy = {"a": (1, 3.0), "b": (1, 3.0), "c": (1, 3.0), "d": (1, 3.0)}
    storm = {"a": [(3, 3.5), (2, 3.2)], "b": [(0, 3.5), (2, 3.5)], "c": [(1, 4.0), (0, 4.0)], "d": [(3, 2.0), (3, 2.0)]}
    rows = [make_row(clip, wer=Score.rate(errors, 4), sound=mos, pesq=mos) for clip, (errors, mos) in noisy.items()]
    rows += [
        make_row(
            clip,
            **{"method": "storm", "paradigm": "regeneration", "steps": 3, "seed": seed},
            **{"wer": Score.rate(errors, 4), "sound": mos, "pesq": mos},
        )
        for clip, seeds in storm.items()
        for seed, (errors, mos) in enumerate(seeds)
    ]
    (made,) = analyse(rows, INFO, Options(resamples=1000))
    return made


def test_the_share_by_hand() -> None:
    (view,) = hallucinations(analysis(), ["wer"], ["dnsmos", "nisqa"])
    assert (view.n, view.share) == (4, pytest.approx((1 + 0.5) / 4))
    assert 0 <= view.low < view.share < view.high <= 1
    np.testing.assert_allclose(view.flagged, [1, 0.5, 0, 0])
    np.testing.assert_allclose(view.content_gain, [-37.5, 0, 12.5, -50])
    (remark,) = remarks(analysis(), [view])
    assert remark.startswith("storm, N=3: 38 % [")


def test_unless_told_otherwise_metrics_are_asked_what_they_are_about() -> None:
    (view,) = hallucinations(analysis())
    assert (view.content, view.quality) == ("wer", "sound")


def test_the_tables_name_what_to_listen_to_worst_first() -> None:
    made = analysis()
    found = hallucinations(made, ["wer"], ["dnsmos"])
    assert hallucination_frame(made, found)["share"].tolist() == [pytest.approx(0.375)]
    suspects = suspects_frame(made, found)
    assert suspects["utterance"].tolist() == ["a", "b"]
    assert suspects["flagged"].tolist() == [1, 0.5]


def test_without_a_control_or_the_metrics_there_is_no_view() -> None:
    assert hallucinations(analysis(), ["phoneme_similarity"], ["dnsmos"]) == []
    rows = [make_row("a", method="storm", paradigm="regeneration", wer=Score.rate(1, 4), sound=3.0)]
    (made,) = analyse(rows, INFO, Options(resamples=1000))
    assert hallucinations(made, ["wer"], ["dnsmos"]) == []
    assert hallucination_frame(made, []).empty and suspects_frame(made, []).empty
