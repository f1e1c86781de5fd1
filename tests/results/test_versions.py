"""Two versions of a metric never share a column."""

from __future__ import annotations

from results.store.info import MetricInfo
from results.store.versions import outdated, separate
from tests.results.conftest import make_row

NEW, OLD = "pesq 0.0.4; mode: wb", "pesq 0.0.3; mode: wb"
INFO = {"pesq": MetricInfo("PESQ", "MOS", version=NEW)}


def row(utterance: str, version: str, value: float = 2.0):
    return make_row(utterance, pesq=value, metric_versions={"pesq": version})


def test_one_version_keeps_its_name_whichever_it_is() -> None:
    rows = [row("a", OLD), row("b", OLD)]
    separated, shown = separate(rows, INFO)
    assert (list(separated), shown) == (rows, INFO)


def test_the_named_version_keeps_the_name_and_the_other_says_what_differs() -> None:
    rows, metrics = separate([row("a", OLD, 1.0), row("b", OLD, 1.5), row("c", NEW)], INFO)
    assert list(metrics) == ["pesq", "pesq@pesq_0.0.3"]
    assert metrics["pesq@pesq_0.0.3"] == MetricInfo("PESQ (pesq 0.0.3)", "MOS", version=OLD)
    assert [list(r.scores) for r in rows] == [["pesq@pesq_0.0.3"], ["pesq@pesq_0.0.3"], ["pesq"]]
    assert rows[0].metric_versions == {"pesq@pesq_0.0.3": OLD}
    assert rows[0].score("pesq").status == "skipped"


def test_without_a_named_version_the_commonest_keeps_the_name() -> None:
    rows, metrics = separate([row("a", OLD), row("b", OLD), row("c", NEW)])
    assert list(metrics) == ["pesq", "pesq@pesq_0.0.4"]
    assert list(rows[0].scores) == ["pesq"]


def test_scores_that_do_not_say_their_version_are_a_version_of_their_own() -> None:
    _, metrics = separate([make_row("a", pesq=1.0), row("b", NEW)], INFO)
    assert list(metrics) == ["pesq", "pesq@version_unknown"]


def test_outdated_counts_what_is_of_another_version() -> None:
    rows = [row("a", OLD), row("b", OLD), row("c", NEW)]
    assert outdated(rows, {"pesq": NEW}) == {"pesq": {OLD: 2}}
    assert outdated(rows, {"stoi": "1"}) == {}
