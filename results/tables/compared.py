"""What a comparison of two runs found: each pair of systems by each metric, its verdict, and all of it as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from results.statistics.comparison import Comparison
from results.store.info import MetricInfo

COLUMNS = (
    *(
        "dataset",
        "method",
        "method_after",
        "steps",
        "steps_after",
        "metric",
        "verdict",
        "n",
        "units",
        "before",
        "after",
    ),
    *("difference", "ci_low", "ci_high", "p_bootstrap", "holm_bootstrap", "p_wilcoxon", "holm_wilcoxon"),
    *("dz", "rank_biserial", "lost", "gained"),
)

System = tuple[str, "int | None"]
"""A method and its number of steps."""


@dataclass(frozen=True)
class Paired:
    """One metric of a system of one run, and of one of another run, on one dataset.

    Attributes:
        dataset, metric: what is compared.
        method, steps: the first run's system; ``method_after``, ``steps_after``: the second run's.
        comparison: after minus before, Holm's p-values over the pairs of this dataset and metric.
        before, after: means (pooled rates) over the recordings where both have a value.
        direction: 1 where more is better, -1 where less is, 0 where neither.
        level: of the tests.
        lost, gained: recordings with a value in the first run alone, in the second alone.
    """

    dataset: str
    method: str
    method_after: str
    steps: int | None
    steps_after: int | None
    metric: str
    comparison: Comparison
    before: float
    after: float
    direction: int
    level: float
    lost: int
    gained: int

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``differs`` (a metric without direction) where significant; else ``unclear``.

        ``same`` where no recording differs. A system that lost scores is worse, whatever the rest says.
        """
        if self.lost and self.direction:
            return "worse"
        if self.comparison.difference == 0 and self.comparison.rank_biserial == 0 and self.comparison.p_wilcoxon == 1:
            return "same"
        if not self.comparison.holm_bootstrap < self.level:
            return "unclear"
        gain = self.direction * self.comparison.difference
        return "differs" if not self.direction else "better" if gain > 0 else "worse"


@dataclass(frozen=True)
class Compared:
    """All pairs, how each metric is shown, and why something of both runs could not be compared."""

    pairs: Sequence[Paired]
    metrics: Mapping[str, MetricInfo]
    obstacles: Sequence[str]

    def worse(self, metrics: Sequence[str]) -> list[Paired]:
        """The pairs that are significantly worse by one of these metrics."""
        return [pair for pair in self.pairs if pair.metric in metrics and pair.verdict == "worse"]

    def leaders(self) -> list[Paired]:
        """Of each dataset, metric and system of the second run: the pair with the first run's best system."""
        found: dict[tuple[str, str, int | None, str], Paired] = {}
        for pair in self.pairs:
            if pair.direction and not math.isnan(pair.before):
                key = pair.dataset, pair.method_after, pair.steps_after, pair.metric
                best = found.setdefault(key, pair)
                found[key] = max(best, pair, key=lambda pair: pair.direction * pair.before)
        return list(found.values())

    def frame(self) -> pd.DataFrame:
        """One line per pair and metric; columns ``COLUMNS``."""
        records = [_record(pair) for pair in self.pairs]
        return pd.DataFrame(records, columns=list(COLUMNS)).astype({"steps": "Int64", "steps_after": "Int64"})


def _record(pair: Paired) -> dict[str, object]:
    one = pair.comparison
    values = (
        *(pair.dataset, pair.method, pair.method_after, pair.steps, pair.steps_after, pair.metric, pair.verdict),
        *(
            one.n,
            one.units,
            pair.before,
            pair.after,
            one.difference,
            one.low,
            one.high,
            one.p_bootstrap,
            one.holm_bootstrap,
        ),
        *(one.p_wilcoxon, one.holm_wilcoxon, one.dz, one.rank_biserial, pair.lost, pair.gained),
    )
    return dict(zip(COLUMNS, values, strict=True))


def named(method: str, steps: int | None) -> str:
    """A system as tables call it."""
    return method if steps is None else f"{method}, N={steps}"


def signed(info: MetricInfo, value: float) -> str:
    """A difference in the metric's decimals, with its sign; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{'+' if value >= 0 else '-'}{info.format(abs(value))}"
