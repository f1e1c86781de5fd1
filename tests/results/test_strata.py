from __future__ import annotations

import numpy as np
import pytest

from bench.core.errors import UserError
from results.statistics.analysis import Analysis, Options, analyse
from results.views.strata import check_tags, parts, strata_frame, stratify
from tests.results.conftest import make_row

QUICK = Options(resamples=1000)


def tagged(count: int = 24) -> Analysis:
    """Two methods; scores are the SNR, and one more for the second."""
    rows = [
        make_row(
            f"u{clip:02d}",
            method=method,
            pesq=clip % 4 * 5.0 + gain,
            tags={
                **{"snr": clip % 4 * 5, "sex": "female" if clip % 2 else "male", "speaker": f"s{clip % 6}"},
                **{"noise": "babble", "t60": 0.3 + 0.01 * clip, "file": f"f{clip}"},
            },
        )
        for method, gain in (("a", 0.0), ("b", 1.0))
        for clip in range(count)
    ]
    (made,) = analyse(rows, options=QUICK)
    return made


def test_a_stratum_is_the_summary_of_its_recordings_alone() -> None:
    strata = {(s.tag, s.value): s for s in stratify(tagged(), ["snr", "sex"])}
    assert [value for tag, value in strata if tag == "snr"] == ["0", "5", "10", "15"]
    fifteen = strata["snr", "15"]
    assert [summary.mean for summary in fifteen.metrics["pesq"]] == [15, 16]
    assert [summary.n for summary in fifteen.metrics["pesq"]] == [6, 6]
    male = strata["sex", "male"].metrics["pesq"][0]
    assert (male.mean, male.units) == (5, 3)  # speakers 0, 2, 4
    assert male.low <= 5 <= male.high


def test_tags_that_tell_nothing_and_names_split_nothing_unless_asked_to() -> None:
    assert {stratum.tag for stratum in stratify(tagged())} == {"snr", "sex", "t60"}
    assert len(stratify(tagged(), ["file"])) == 24
    assert stratify(tagged(), []) == []


def test_numbers_of_many_values_are_split_into_spans_of_equal_size() -> None:
    t60 = stratify(tagged(), ["t60"], bins=3)
    assert [stratum.value for stratum in t60] == ["0.3 to 0.37", "0.38 to 0.45", "0.46 to 0.53"]
    assert [len(stratum.panel.clips) for stratum in t60] == [8, 8, 8]


def test_every_known_value_is_in_one_part_whatever_their_spread() -> None:
    random = np.random.default_rng(0)
    values = [None if draw < 0.1 else float(np.exp(3 * draw).round(1)) for draw in random.random(200)]
    found = parts(values, 4)
    assert sorted(place for places in found.values() for place in places) == [
        place for place, value in enumerate(values) if value is not None
    ]
    skewed = [1] * 12 + [2, 3, 4, 5, 6, 7, 8, 9]
    assert parts(skewed, 2) == {"1": list(range(12)), "2 to 9": list(range(12, 20))}
    assert list(parts([-5, 0, 5, 10, 15, 20, 25, 30], 4)) == ["-5", "0", "5", "10", "15", "20", "25", "30"]
    assert parts(["b", "a", None, 3], 4) == {"3": [3], "a": [1], "b": [0]}


def test_the_table_has_a_line_per_stratum_system_and_metric() -> None:
    made = tagged()
    frame = strata_frame(stratify(made, ["snr"]), "demo")
    assert len(frame) == 4 * 2
    assert frame.loc[(frame["value"] == "10") & (frame["method"] == "b"), "mean"].item() == 11


def test_an_unknown_tag_is_named() -> None:
    with pytest.raises(UserError, match="unknown tag 'srn': did you mean 'snr'"):
        check_tags([tagged()], ["sex", "srn"])
