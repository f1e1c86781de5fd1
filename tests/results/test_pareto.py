"""Quality is drawn against each cost that at least two systems have."""

from __future__ import annotations

from results.plots.pareto import quality_by_cost
from results.statistics.analysis import Options, analyse
from results.store.info import MetricInfo
from tests.results.conftest import make_row


def test_costs_that_two_systems_have_are_drawn() -> None:
    rows = [
        make_row(utterance, method=method, paradigm="predictive" if nfe else "control", nfe=nfe, cost=cost, pesq=pesq)
        for utterance in ("a", "b")
        for method, nfe, pesq, cost in (
            ("noisy", 0, 1.0, {}),
            ("one", 1, 2.0, {"macs_per_second": 1e9, "rtf": 0.1}),
            ("many", 30, 2.5, {"macs_per_second": 3e10}),
        )
    ]
    (analysis,) = analyse(rows, {"pesq": MetricInfo("PESQ")}, Options(resamples=100))
    figure = quality_by_cost(analysis)
    assert figure is not None
    assert [ax.get_xlabel().partition(" ")[0] for ax in figure.axes] == ["network", "multiply-accumulates"]
    (alone,) = analyse(rows[:2], {"pesq": MetricInfo("PESQ")}, Options(resamples=100))
    assert quality_by_cost(alone) is None
