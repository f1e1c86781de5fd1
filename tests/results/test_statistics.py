from __future__ import annotations

import math

import numpy as np
import pytest

from bench.core.types import Score
from results.statistics.comparison import compare
from results.statistics.panel import panels
from results.statistics.summaries import MetricSummary, Summary, summarise, why_missing
from results.store.rows import Row
from tests.results.conftest import make_row, score_rows


def summaries(rows: list[Row], *metrics: str, cluster: str | None = "speaker") -> list[Summary]:
    (panel,) = panels(rows, metrics, cluster)
    return summarise(panel)


def of(rows: list[Row], metric: str, cluster: str | None = "speaker") -> MetricSummary:
    (summary,) = summaries(rows, metric, cluster=cluster)
    return summary.metrics[metric]


def test_centre_and_spread_are_numpys_over_recordings() -> None:
    values = [1.2, 3.4, 2.2, 2.9]
    pesq = of([make_row(str(i), pesq=value) for i, value in enumerate(values)], "pesq")
    assert pesq.mean == pytest.approx(np.mean(values))
    assert pesq.median == pytest.approx(2.55)
    assert pesq.sd == pytest.approx(np.std(values, ddof=1))
    assert pesq.low < pesq.mean < pesq.high
    assert (pesq.n, pesq.units, pesq.missing) == (4, 4, {})


def test_seeds_are_not_more_data() -> None:
    """Clip a: 1, 3; clip b: 4, 8. The data are 2 and 6, and repeating every seed changes nothing."""
    values = {"a": [1.0, 3.0], "b": [4.0, 8.0]}
    intervals = set()
    for repeats in (1, 5):
        rows = [
            make_row(clip, method="storm", steps=5, seed=seed, pesq=value)
            for clip, of_seeds in values.items()
            for seed, value in enumerate(of_seeds * repeats)
        ]
        (summary,) = summaries(rows, "pesq")
        assert (summary.utterances, summary.seeds) == (2, 2 * repeats)
        pesq = summary.metrics["pesq"]
        assert (pesq.mean, pesq.n, pesq.units) == (4.0, 2, 2)
        assert pesq.sd == pytest.approx(math.sqrt(8))
        intervals.add((round(pesq.low, 9), round(pesq.high, 9)))
    assert len(intervals) == 1


def test_seeds_are_a_level_of_variance() -> None:
    """Recordings differ by 2, seeds by 1: both are found, and more seeds narrow only what seeds blur."""
    random = np.random.default_rng(0)
    clips = random.normal(scale=2, size=(1, 400, 1))
    x = of(score_rows(clips + random.normal(size=(1, 400, 4))), "x")
    assert x.seed_sd == pytest.approx(1, abs=0.05)
    assert x.sd == pytest.approx(math.sqrt(2**2 + 1 / 4), abs=0.15)
    assert (x.high - x.low) / 2 == pytest.approx(1.96 * x.sd / math.sqrt(400), rel=0.05)
    assert math.isnan(of(score_rows(clips), "x").seed_sd)


def test_seed_variance_is_pooled_over_recordings_by_hand() -> None:
    rows = [
        make_row(clip, seed=seed, pesq=value)
        for clip, values in {"a": [1.0, 3.0], "b": [5.0, 5.0, 8.0], "c": [9.0]}.items()
        for seed, value in enumerate(values)
    ]
    assert of(rows, "pesq").seed_sd == pytest.approx(math.sqrt((2 + 6) / (1 + 2)))


def test_a_rate_is_pooled() -> None:
    """One of 2 words wrong, none of 18: 5 %, not 25 %. A second seed of the long clip counts as half."""
    rows = [make_row("short", wer=Score.rate(1, 2)), make_row("long", wer=Score.rate(0, 18))]
    wer = of(rows, "wer")
    assert (wer.mean, wer.median, wer.n) == (pytest.approx(5), 25, 2)
    rows = [
        *(make_row("short", seed=seed, wer=Score.rate(1, 2)) for seed in (0, 1)),
        *(make_row("long", seed=seed, wer=Score.rate(2 * seed, 18)) for seed in (0, 1)),
    ]
    assert of(rows, "wer").mean == pytest.approx(10)


def test_words_heard_where_nothing_was_said_count_in_the_pool() -> None:
    """Two inserted where the transcript is empty, one of 18 wrong: 3 of 18."""
    invented = Score(None, "undefined", "the transcript holds no word", errors=2, total=0)
    quiet = Score(None, "undefined", "the transcript holds no word", errors=0, total=0)
    rows = [make_row("empty", wer=invented), make_row("long", wer=Score.rate(1, 18))]
    wer = of(rows, "wer")
    assert (wer.mean, wer.median, wer.n) == (pytest.approx(100 * 3 / 18), pytest.approx(100 / 18), 1)
    rows += [
        make_row(clip, method="storm", wer=score) for clip, score in (("empty", quiet), ("long", Score.rate(1, 18)))
    ]
    (panel,) = panels(rows, ["wer"])
    (pair,) = compare(panel, resamples=1000)["wer"]
    assert abs(pair.difference) == pytest.approx(100 * 2 / 18)


def test_intervals_are_over_speakers_where_they_are_known() -> None:
    """Three speakers, ten sentences each, alike within a speaker: three data, not thirty."""
    scores = np.repeat([1.0, 2.0, 3.0], 10)[None]
    known = score_rows(scores, speakers=list(np.repeat([0, 1, 2], 10)))
    clustered, ignored = of(known, "x"), of(known, "x", cluster=None)
    assert (clustered.n, clustered.units, ignored.units) == (30, 3, 30)
    assert clustered.high - clustered.low > 5 * (ignored.high - ignored.low)
    half = 4.303 * 1 / math.sqrt(3)  # Student's, of 1, 2, 3
    assert (clustered.low, clustered.high) == pytest.approx((2 - half, 2 + half), abs=0.02 * half)


def test_what_is_missing_is_counted_with_its_reason_and_never_zero() -> None:
    rows = [
        make_row("a", pesq=2.0),
        make_row("b", pesq=Score.missing("undefined", "silent reference")),
        make_row("c", pesq=Score.missing("error", "crash")),
        make_row("d", status="error", reason="corrupt file"),
        make_row("e"),
    ]
    (summary,) = summaries(rows, "pesq", "estoi")
    pesq, estoi = summary.metrics["pesq"], summary.metrics["estoi"]
    assert (pesq.mean, pesq.n) == (2.0, 1)
    assert np.isnan([pesq.sd, pesq.low, pesq.high]).all()
    assert pesq.missing == {"undefined": 1, "error": 2, "skipped": 1}
    assert pesq.reasons["error", "corrupt file"] == 1
    assert np.isnan([estoi.mean, estoi.median]).all()
    assert (estoi.n, estoi.missing) == (0, {"skipped": 4, "error": 1})
    assert summary.failed == 2


def test_a_recording_that_only_another_system_has_a_row_of_is_missing() -> None:
    rows = [make_row("a", pesq=1.0), make_row("b", pesq=2.0), make_row("a", method="storm", pesq=3.0)]
    storm = summaries(rows, "pesq")[1]
    assert (storm.utterances, storm.metrics["pesq"].n, storm.metrics["pesq"].missing) == (2, 1, {"skipped": 1})


def test_reasons_are_one_line_the_commonest_first() -> None:
    reasons = {("error", "crash"): 1, ("undefined", "silence"): 3, ("skipped", ""): 1}
    assert why_missing(reasons) == "3 undefined (silence); 1 error (crash); 1 skipped"


def test_a_clip_is_missing_only_without_any_seed_and_then_for_the_gravest_reason() -> None:
    undefined, error = Score.missing("undefined", "silence"), Score.missing("error", "crash")
    rows = [
        make_row("a", seed=0, pesq=error),
        make_row("a", seed=1, pesq=2.0),
        make_row("b", seed=0, pesq=undefined),
        make_row("b", seed=1, pesq=error),
    ]
    (summary,) = summaries(rows, "pesq")
    pesq = summary.metrics["pesq"]
    assert (pesq.mean, pesq.n, pesq.reasons) == (2.0, 1, {("error", "crash"): 1})
    assert summary.failed == 2


def test_the_real_time_factor_is_what_was_measured_alone_and_nothing_else() -> None:
    rows = [
        make_row("old", seconds=9.0, enhance_seconds=3.0),
        make_row("new", cost={"rtf": 0.5, "parameters": 7e6}, computing={"timed_on": "a processor, 1 thread"}),
        make_row("failed", status="error", cost={"rtf": 9.0}),
    ]
    (measured,), (old,) = summaries(rows), summaries(rows[:1])
    assert (measured.rtf, measured.timed_on) == (0.5, ["a processor, 1 thread"])
    assert measured.cost == {"rtf": 0.5, "parameters": 7e6}
    assert math.isnan(old.rtf) and not old.cost


def test_network_calls_that_vary_are_flagged() -> None:
    (same,) = summaries([make_row("a", nfe=11), make_row("b", nfe=11)])
    (varying,) = summaries([make_row("a", nfe=10), make_row("b", nfe=13)])
    (uncounted,) = summaries([make_row("a")])
    assert (same.nfe, same.nfe_varies) == (11, False)
    assert (varying.nfe, varying.nfe_varies) == (11.5, True)
    assert math.isnan(uncounted.nfe)
