"""The statistics of one dataset: summaries, comparisons and standings, computed once for all tables and plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from results.statistics.bootstrap import RESAMPLES
from results.statistics.comparison import Comparison, Standing, compare, standings
from results.statistics.panel import RECORDING, Panel, panels
from results.statistics.scale import Scale
from results.statistics.summaries import Summary, summarise
from results.store.info import MetricInfo, complete
from results.store.reading import as_rows
from results.store.rows import Row


@dataclass(frozen=True)
class Options:
    """How rows are analysed; ``bench leaderboard --help`` explains the keys.

    Attributes:
        cluster: the tag whose equal values make recordings depend on each other, or None.
        confidence: of intervals; what is left of 1 is the level of tests.
        resamples: of the bootstrap, 1000 or more.
    """

    cluster: str | None = "speaker"
    confidence: float = 0.95
    resamples: int = RESAMPLES

    @property
    def level(self) -> float:
        return 1 - self.confidence


@dataclass(frozen=True, eq=False)
class Analysis:
    """One dataset's panel and what follows from it.

    Attributes:
        metrics: how each is shown, in tables' order.
        summaries: of each of the panel's systems.
        comparisons: by metric, of every two systems.
        standings: by metric, of each system.
    """

    panel: Panel
    metrics: Mapping[str, MetricInfo]
    options: Options
    summaries: list[Summary]
    comparisons: Mapping[str, list[Comparison]]
    standings: Mapping[str, list[Standing]] = field(default_factory=dict)

    @cached_property
    def shown(self) -> list[str]:
        """The metrics for which at least one system has a value."""
        return [name for name in self.metrics if any(summary.metrics[name].n for summary in self.summaries)]

    @property
    def size(self) -> str:
        """The number of recordings and of the units that group them, in words."""
        recordings = _count(len(self.panel.clips), RECORDING)
        return recordings if self.panel.unit == RECORDING else f"{recordings} by {self.units}"

    @property
    def units(self) -> str:
        """The units that intervals are computed over, in words."""
        return _count(self.panel.unit_count, self.panel.unit)


def analyse(
    rows: Iterable[Row], metrics: Mapping[str, MetricInfo] | None = None, options: Options | None = None
) -> list[Analysis]:
    """Summaries, comparisons and standings of every dataset, by name.

    Args:
        metrics: come first and in this order, even where no row was scored; metrics that only the rows
            know follow.
    """
    rows, options = as_rows(rows), options or Options()
    known = complete(metrics, rows.scores)
    scales = {name: Scale.of(info.low, info.high) for name, info in known.items()}
    return [_analyse(panel, known, options) for panel in panels(rows, known, options.cluster, scales)]


def _analyse(panel: Panel, metrics: Mapping[str, MetricInfo], options: Options) -> Analysis:
    summaries = summarise(panel, options.confidence, options.resamples)
    comparisons = compare(panel, options.confidence, options.resamples)
    barred = panel.degenerate | panel.oracles
    standing = {
        metric: standings(panel.scores[metric], comparisons[metric], info.direction, options.level, barred)
        for metric, info in metrics.items()
    }
    return Analysis(panel, metrics, options, summaries, comparisons, standing)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
