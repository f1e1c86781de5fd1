from __future__ import annotations

import pickle

import pytest

from bench.core.errors import UserError, did_you_mean
from bench.core.types import Score


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_an_ok_score_is_finite(value: float | None) -> None:
    with pytest.raises(ValueError, match="exactly when its value is finite"):
        Score(value)


def test_a_missing_score_has_no_value_not_even_zero() -> None:
    assert Score.missing("error", "why") == Score(None, "error", "why")
    with pytest.raises(ValueError, match="exactly when its value is finite"):
        Score(0.0, "error", "why")
    with pytest.raises(ValueError, match="exactly when its value is finite"):
        Score.missing("ok", "")


def test_a_users_mistake_is_one_line_and_crosses_processes() -> None:
    error = UserError("a.wav: broken\n  in two lines")
    assert str(error) == "a.wav: broken in two lines"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_nearest_name_is_offered_or_all_are_listed() -> None:
    assert str(did_you_mean("metric", "sisdr", ["si_sdr", "pesq"])) == "unknown metric 'sisdr': did you mean 'si_sdr'?"
    assert str(did_you_mean("metric", "qqq", ["b", "a"])) == "unknown metric 'qqq': known: a, b"
    assert str(did_you_mean("metric", "qqq", [])) == "unknown metric 'qqq': known: none"
