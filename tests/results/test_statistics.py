from __future__ import annotations

import math

import numpy as np
import pytest

from bench.core.types import Score
from results.statistics import clip_scores, describe, grouped, summarise
from tests.results.conftest import make_row


def test_mean_and_sd_are_numpys_over_utterances() -> None:
    values = [1.2, 3.4, 2.2, 2.9]
    (summary,) = summarise([make_row(str(i), pesq=value) for i, value in enumerate(values)], ["pesq"])
    pesq = summary.metrics["pesq"]
    assert pesq.mean == pytest.approx(np.mean(values))
    assert pesq.sd == pytest.approx(np.std(values, ddof=1))
    assert (pesq.n, pesq.missing) == (4, {})


def test_seeds_are_not_more_data() -> None:
    """Clip a: 1, 3; clip b: 4, 8. The data are 2 and 6, and repeating every seed changes nothing."""
    values = {"a": [1.0, 3.0], "b": [4.0, 8.0]}
    for repeats in (1, 5):
        rows = [
            make_row(clip, method="storm", steps=5, seed=seed, pesq=value)
            for clip, of_seeds in values.items()
            for seed, value in enumerate(of_seeds * repeats)
        ]
        (summary,) = summarise(rows, ["pesq"])
        assert (summary.utterances, summary.seeds) == (2, 2 * repeats)
        assert (summary.metrics["pesq"].mean, summary.metrics["pesq"].n) == (4.0, 2)
        assert summary.metrics["pesq"].sd == pytest.approx(math.sqrt(8))


def test_what_is_missing_is_counted_by_status_and_never_zero() -> None:
    rows = [
        make_row("a", pesq=2.0),
        make_row("b", pesq=Score.missing("undefined", "silent reference")),
        make_row("c", pesq=Score.missing("error", "crash")),
        make_row("d", status="error", reason="corrupt file"),
        make_row("e"),
    ]
    (summary,) = summarise(rows, ["pesq", "estoi"])
    pesq, estoi = summary.metrics["pesq"], summary.metrics["estoi"]
    assert (pesq.mean, pesq.n) == (2.0, 1)
    assert math.isnan(pesq.sd)
    assert pesq.missing == {"undefined": 1, "error": 2, "skipped": 1}
    assert math.isnan(estoi.mean)
    assert (estoi.n, estoi.missing) == (0, {"skipped": 4, "error": 1})
    assert summary.failed == 2


def test_a_clip_is_missing_only_without_any_seed_and_then_for_the_gravest_reason() -> None:
    undefined, error = Score.missing("undefined", "silence"), Score.missing("error", "crash")
    rows = [
        make_row("a", seed=0, pesq=error),
        make_row("a", seed=1, pesq=2.0),
        make_row("b", seed=0, pesq=undefined),
        make_row("b", seed=1, pesq=error),
    ]
    assert clip_scores(rows, "pesq") == {"a": Score(2.0), "b": error}
    (summary,) = summarise(rows, ["pesq"])
    assert summary.metrics["pesq"].missing == {"error": 1}
    assert summary.failed == 2


def test_real_time_factor_is_all_work_over_all_speech() -> None:
    rows = [
        make_row("long", seconds=9.0, enhance_seconds=3.0),
        make_row("short", seconds=1.0, enhance_seconds=2.0),
        make_row("failed", status="error", seconds=100.0),
    ]
    assert summarise(rows, [])[0].rtf == pytest.approx(0.5)
    assert math.isnan(summarise(rows[2:], [])[0].rtf)


def test_network_calls_that_vary_are_flagged() -> None:
    (same,) = summarise([make_row("a", nfe=11), make_row("b", nfe=11)], [])
    (varying,) = summarise([make_row("a", nfe=10), make_row("b", nfe=13)], [])
    (uncounted,) = summarise([make_row("a")], [])
    assert (same.nfe, same.nfe_varies) == (11, False)
    assert (varying.nfe, varying.nfe_varies) == (11.5, True)
    assert math.isnan(uncounted.nfe)


def test_groups_are_listed_by_paradigm_method_and_steps_whatever_the_order_of_rows() -> None:
    rows = [
        make_row(dataset=dataset, method=method, paradigm=paradigm, steps=steps)
        for dataset in ("a", "b")
        for method, paradigm, steps in (
            ("noisy", "control", None),
            ("z", "predictive", None),
            ("b", "generative", 5),
            ("b", "generative", 30),
            ("storm", "regeneration", 5),
            ("a", "something new", 1),
        )
    ]
    assert [group[0] for group in grouped(reversed(rows))] == rows


def test_nothing_comes_of_nothing() -> None:
    assert summarise([], ["pesq"]) == []
    nothing = describe([])
    assert math.isnan(nothing.mean)
    assert nothing.n == 0
