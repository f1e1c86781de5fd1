from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from bench.core.types import Score
from results.store.rows import Key, Row
from tests.results.conftest import make_row


def test_a_row_survives_its_line() -> None:
    row = make_row(
        "café/001",
        method="storm",
        steps=5,
        seed=1,
        paradigm="regeneration",
        nfe=11,
        seconds=1.5,
        enhance_seconds=3.0,
        tags={"snr": -5.0, "noise": "babble"},
        pesq=2.5,
        estoi=Score.missing("undefined", "silent reference"),
        wer=Score.rate(1, 4, recognised="place blue at one"),
    )
    assert Row.from_json(row.to_json()) == row
    assert row.rtf is None  # other work may have gone on beside it
    assert replace(row, cost={"rtf": 0.5}).rtf == 0.5


def test_a_rate_keeps_its_counts_and_other_scores_say_nothing_of_them() -> None:
    scores = json.loads(make_row(wer=Score.rate(0, 4), pesq=2.0).to_json())["scores"]
    assert scores["wer"] == {"value": 0.0, "status": "ok", "reason": "", "errors": 0, "total": 4}
    assert scores["pesq"] == {"value": 2.0, "status": "ok", "reason": ""}
    assert Score.rate(0, 0).status == "undefined"
    with pytest.raises(ValueError, match="both its counts"):
        Score(25.0, errors=1)


def test_keys_sort_with_none_first() -> None:
    keys = [Key("d", "m", steps, seed, "u") for steps in (None, 5, 30) for seed in (None, 0, 1)]
    shuffled = random.Random(0).sample(keys, len(keys))
    assert sorted(shuffled) == keys


def test_a_metric_without_score_says_why() -> None:
    assert make_row(pesq=1.0).score("pesq") == Score(1.0)
    assert make_row().score("pesq").status == "skipped"
    assert make_row(status="error", reason="corrupt file").score("pesq") == Score.missing("error", "corrupt file")


def test_a_row_failed_if_anything_in_it_ended_in_error() -> None:
    assert make_row(status="error").failed
    assert make_row(pesq=Score.missing("error", "crash")).failed
    assert not make_row(pesq=Score.missing("undefined", "silence")).failed


@pytest.mark.parametrize(
    "line",
    ["", "[]", "3", '{"schema": 1}', '{"schema": 1, "key": 3, "paradigm": "p", "status": "ok", "scores": {}}'],
)
def test_other_lines_are_refused_as_value_errors(line: str) -> None:
    with pytest.raises(ValueError):
        Row.from_json(line)


def test_another_schema_and_unknown_fields_are_named() -> None:
    data = json.loads(make_row().to_json())
    with pytest.raises(ValueError, match="row schema 99, this version reads 1 and 2"):
        Row.from_json(json.dumps(data | {"schema": 99}))
    with pytest.raises(ValueError, match="colour"):
        Row.from_json(json.dumps(data | {"colour": "red"}))


def test_a_row_of_the_first_version_is_read() -> None:
    row = make_row()
    old = json.loads(row.to_json()) | {"schema": 1}
    assert not {"findings", "adjusted", "computing", "cost"} & set(old)
    assert Row.from_json(json.dumps(old)) == row


def test_what_was_found_adjusted_computed_and_paid_comes_back() -> None:
    row = replace(
        make_row(),
        findings={"clipped": 0.25, "inverted": True},
        adjusted={"samples": -304},
        computing={"precision": "bfloat16", "batch": 8},
        cost={"parameters": 27.8e6},
    )
    assert Row.from_json(row.to_json()) == row


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": {"dataset": "d", "method": "m", "steps": "many", "seed": None, "utterance": "u"}}, "key.steps"),
        ({"key": ["d", "m", 1, None, "u"]}, "key: expected a mapping"),
        ({"key": {"dataset": "d", "method": "m"}}, "steps, seed, utterance in key"),
        ({"seconds": "long"}, "seconds: expected a number"),
        ({"nfe": 10**30}, "nfe: expected a whole number"),
        ({"status": "fine"}, "status: expected ok or undefined"),
        ({"scores": [1, 2]}, "scores: expected a mapping"),
        ({"scores": {"pesq": 2.5}}, "scores.pesq: expected a mapping"),
        ({"scores": {"pesq": {"value": "high"}}}, "scores.pesq.value: expected a number"),
        ({"scores": {"pesq": {"value": None}}}, "ok exactly when its value is finite"),
        ({"metric_versions": {"pesq": 1}}, "metric_versions.pesq: expected text"),
        ({"tags": {"snr": [5]}}, "tags.snr"),
        ({"findings": 3}, "findings: expected a mapping"),
    ],
)
def test_a_field_of_another_kind_is_named(change: dict[str, Any], told: str) -> None:
    data = json.loads(make_row(pesq=2.0).to_json())
    with pytest.raises(ValueError) as raised:
        Row.from_json(json.dumps(data | change))
    assert told in str(raised.value) and len(str(raised.value)) < 200


def test_numbers_that_nothing_can_hold_are_refused() -> None:
    line = make_row(seconds=2.0).to_json()
    for number in ("1e999", "-1e300", "NaN", "9" * 5000):
        with pytest.raises(ValueError):
            Row.from_json(line.replace('"seconds": 2.0', f'"seconds": {number}'))
