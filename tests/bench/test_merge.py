"""Merged runs: rows come together, and nothing is called the same that is not the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.core.types import Score
from results.store.merge import Stored, merge, read
from results.store.rows import Row
from results.store.versions import separate
from tests.results.conftest import make_row


def stored(name: str, rows: list[Row], fingerprint: str = "f", weights: str = "w", **versions: str) -> Stored:
    """A run of method ``storm`` on dataset ``demo``."""
    manifest: dict[str, Any] = {
        "datasets": {"demo": {"name": "demo", "options": {}, "fingerprint": fingerprint}},
        "methods": {"storm": {"name": "storm", "options": {}, "provenance": {"weights": weights}}},
        "metrics": {
            metric: {"name": metric, "version": version, "shown": {"label": metric.upper()}}
            for metric, version in versions.items()
        },
        "sessions": [],
    }
    return Stored(name, Path(name), manifest, {row.key: row for row in rows})


def row(utterance: str, **rest: Any) -> Row:
    return make_row(utterance, method="storm", paradigm="regeneration", **rest)


def test_rows_come_together_and_scores_complete_each_other() -> None:
    one = stored("one", [row("a", pesq=1.0), row("b", pesq=Score.missing("error", "crash"))], pesq="1")
    two = stored("two", [row("a", wer=5.0), row("b", pesq=2.0), row("c", pesq=3.0)], pesq="1", wer="1")
    merged = merge([one, two])
    found = {r.key.utterance: {name: score.value for name, score in r.scores.items()} for r in merged.rows}
    assert found == {"a": {"pesq": 1, "wer": 5}, "b": {"pesq": 2}, "c": {"pesq": 3}}
    assert list(merged.metrics) == ["pesq", "wer"]
    assert merged.metrics["wer"].name == "wer"
    assert merged.notes == []


def test_metrics_of_manifests_that_do_not_say_what_they_are_about_are_known_by_name() -> None:
    merged = merge([stored("one", [row("a", wer=5.0, dnsmos=3.0, pesq=2.0)], wer="1", dnsmos="1", pesq="1")])
    assert {name: (info.aspect, info.intrusive) for name, info in merged.metrics.items()} == {
        "wer": ("content", False),
        "dnsmos": ("quality", False),
        "pesq": ("", True),
    }


def test_other_recordings_under_one_name_are_refused_unless_told() -> None:
    runs = [stored("one", [row("a", pesq=1.0)], "f1"), stored("two", [row("b", pesq=1.0)], "f2")]
    with pytest.raises(UserError, match=r"the dataset 'demo' of run one is not that of run two.*mix=true"):
        merge(runs)
    merged = merge(runs, mix=True)
    assert len(merged.rows) == 2
    assert merged.notes == ["dataset demo: the recordings differ between one and two"]


def test_a_method_that_is_not_the_same_bears_its_runs_name() -> None:
    runs = [stored("one", [row("a", pesq=1.0)]), stored("two", [row("a", pesq=2.0)], weights="other")]
    assert {r.key.method: r.scores["pesq"].value for r in merge(runs).rows} == {"storm (one)": 1, "storm (two)": 2}


def test_of_two_different_values_the_first_runs_stands_and_it_is_said() -> None:
    runs = [stored("one", [row("a", pesq=1.0)]), stored("two", [row("a", pesq=2.0)])]
    merged = merge(runs)
    assert merged.rows[0].scores["pesq"].value == 1
    assert merged.notes == ["two: storm has another pesq on 1 recordings than the run named first, whose stands"]
    assert merge([runs[0], stored("two", [row("a", pesq=1 + 1e-9)])]).notes == []


def test_scores_by_two_versions_of_a_metric_are_both_kept() -> None:
    """Also of one recording, and though their values agree."""
    old = stored("old", [row("a", pesq=1.0, metric_versions={"pesq": "pesq 1"})], pesq="pesq 1")
    new = stored("new", [row("a", pesq=1.0, metric_versions={"pesq": "pesq 2"})], pesq="pesq 2")
    merged = merge([old, new])
    assert {name: score.value for name, score in merged.rows[0].scores.items()} == {"pesq": 1, "pesq@pesq_2": 1}
    assert merged.metrics["pesq@pesq_2"].version == "pesq 2"
    assert merged.notes == []
    assert separate(merged.rows, merged.metrics) == (merged.rows, dict(merged.metrics))


def test_a_failed_row_gives_way_to_one_that_is_not() -> None:
    runs = [stored("one", [row("a", status="error", reason="crash")]), stored("two", [row("a", pesq=2.0)])]
    assert [r.status for order in (runs, runs[::-1]) for r in merge(order).rows] == ["ok", "ok"]


@pytest.mark.parametrize("name", ["nowhere", "a file"])
def test_what_is_no_run_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(UserError, match=f"{name}: no run is stored here"):
        read([tmp_path / name])
