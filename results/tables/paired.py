"""Two runs method by method: paired differences on the recordings that both have, with intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.statistics.analysis import Options
from results.statistics.comparison import Comparison, compare, holm
from results.statistics.panel import Panel, panels
from results.statistics.scale import Scale
from results.store.info import MetricInfo
from results.store.merge import Stored, infos
from results.store.rows import Row
from results.store.versions import separate

BEFORE, AFTER = "before", "after"
COLUMNS = (
    *("dataset", "method", "method_after", "steps", "metric", "verdict", "n", "units", "before", "after"),
    *("difference", "ci_low", "ci_high", "p_bootstrap", "holm_bootstrap", "p_wilcoxon", "holm_wilcoxon"),
    *("dz", "rank_biserial", "lost", "gained"),
)

SystemName = tuple[str, str, "int | None"]


@dataclass(frozen=True)
class Paired:
    """One metric of one system on one dataset, in two runs.

    Attributes:
        dataset, method, steps, metric: what is compared; ``method_after``: its name in the second run.
        comparison: after minus before, Holm's p-values over the systems of this dataset and metric.
        before, after: means (pooled rates) over the recordings where both have a value.
        direction: 1 where more is better, -1 where less is, 0 where neither.
        level: of the tests.
        lost, gained: recordings with a value in the first run alone, in the second alone.
    """

    dataset: str
    method: str
    method_after: str
    steps: int | None
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

    def frame(self) -> pd.DataFrame:
        """One line per dataset, method, steps and metric; columns ``COLUMNS``."""
        records = [_record(pair) for pair in self.pairs]
        return pd.DataFrame(records, columns=list(COLUMNS)).astype({"steps": "Int64"})


def paired(
    first: Stored, second: Stored, options: Options, pairs: Mapping[str, str] | None = None, mix: bool = False
) -> Compared:
    """Compare every system that both runs have, by every metric that both scored with one version.

    Args:
        pairs: methods of the first run and what they are called in the second, where that differs.
        mix: compare recordings of one name although the datasets' fingerprints differ.
    """
    obstacles: list[str] = []
    metrics = _metrics(first, second, obstacles)
    before, after = _by_system(first), _by_system(second)
    found: list[Paired] = []
    for dataset in _datasets(first, second, mix, obstacles):
        of_dataset = [
            pair
            for method, method_after, steps in _systems(before, after, dataset, pairs or {}, obstacles)
            for pair in _pair(
                before[dataset, method, steps], after[dataset, method_after, steps], metrics, options, obstacles
            )
        ]
        found += _corrected(of_dataset, list(metrics))
    return Compared(found, metrics, list(dict.fromkeys(obstacles)))


def _metrics(first: Stored, second: Stored, obstacles: list[str]) -> dict[str, MetricInfo]:
    """Metrics of both runs; scores of two versions are never compared."""
    before, after = infos(first.manifest), infos(second.manifest)
    common = {name: info for name, info in after.items() if name in before}
    for name in list(common):
        if before[name].version != common[name].version:
            told = f"{before[name].version} and {common.pop(name).version}"
            obstacles.append(f"metric {name}: not comparable, two versions ({told}); rescore one run: rescore=outdated")
    if not before.keys() & after.keys():
        obstacles.append(f"no metric in common: {', '.join(before) or 'none'}; {', '.join(after) or 'none'}")
    return common


def _datasets(first: Stored, second: Stored, mix: bool, obstacles: list[str]) -> Iterator[str]:
    before, after = first.manifest["datasets"], second.manifest["datasets"]
    common = [label for label in before if label in after]
    if not common:
        obstacles.append(f"no dataset in common: {', '.join(before)}; {', '.join(after)}")
    for label in common:
        if mix or before[label]["fingerprint"] == after[label]["fingerprint"]:
            yield label
        else:
            obstacles.append(f"dataset {label}: the recordings differ; mix=true compares those of one name")


Systems = Mapping[tuple[str, str, "int | None"], Sequence[Row]]


def _by_system(run: Stored) -> Systems:
    """A run's rows by dataset, method and steps; scores of other versions than the manifest's have names of their own.

    Together they are a panel of one system as it was and as it is.
    """
    found: dict[tuple[str, str, int | None], list[Row]] = {}
    for row in separate(run.rows.values(), infos(run.manifest))[0]:
        found.setdefault((row.key.dataset, row.key.method, row.key.steps), []).append(row)
    return found


def _systems(
    first: Systems, second: Systems, dataset: str, pairs: Mapping[str, str], obstacles: list[str]
) -> Iterator[SystemName]:
    before, after = ([system[1:] for system in run if system[0] == dataset] for run in (first, second))
    matched = [(method, pairs.get(method, method), steps) for method, steps in before]
    there = [system for system in matched if system[1:] in after]
    if not there:
        told = ("; ".join(_label(*system) for system in systems) for systems in (before, after))
        obstacles.append(f"dataset {dataset}: no system in common: {' | '.join(told)}; pairs={{old: new}} names them")
    yield from there


def _pair(
    first: Sequence[Row],
    second: Sequence[Row],
    metrics: Mapping[str, MetricInfo],
    options: Options,
    obstacles: list[str],
) -> Iterator[Paired]:
    (dataset, method, steps), method_after = _system(first), _system(second)[1]
    rows = [*_labelled(first, BEFORE), *_labelled(second, AFTER)]
    scales = {name: Scale.of(info.low, info.high) for name, info in metrics.items()}
    [panel] = panels(rows, metrics, options.cluster, scales)
    at = {found.method: number for number, found in enumerate(panel.systems)}
    for metric, [one] in compare(panel, options.confidence, options.resamples).items():
        there = np.isfinite(panel.scores[metric].clips)
        if not there.any():
            continue
        both = _in_both(panel)
        lost = int((there[at[BEFORE]] & ~there[at[AFTER]] & both).sum())
        gained = int((~there[at[BEFORE]] & there[at[AFTER]] & both).sum())
        if not one.n and not lost:
            told = "no recording has a value in both runs"
            obstacles.append(f"{dataset}, {_label(method, steps)}, {metric}: {told}")
            continue
        before, after = _means(panel, metric, at[BEFORE]), _means(panel, metric, at[AFTER])
        direction = metrics[metric].direction
        yield Paired(
            *(dataset, method, method_after, steps, metric, one, before, after),
            *(direction, options.level, lost, gained),
        )


def _system(rows: Sequence[Row]) -> tuple[str, str, int | None]:
    key = rows[0].key
    return key.dataset, key.method, key.steps


def _labelled(rows: Sequence[Row], label: str) -> Iterator[Row]:
    """A system's rows as those of a method ``label``; of one paradigm, so that the names decide the order."""
    for row in rows:
        yield replace(row, key=replace(row.key, method=label, steps=None), paradigm="compared")


def _means(panel: Panel, metric: str, system: int) -> float:
    """The mean, or pooled rate, over the recordings where both have a value; NaN without any."""
    above, below = panel.scores[metric].fractions
    common = panel.scores[metric].counted.all(axis=0)
    total = float(below[system][common].sum())
    return float(above[system][common].sum()) / total if total else math.nan


def _in_both(panel: Panel) -> NDArray[np.bool_]:
    """Which recordings both runs hold: one that was never asked for is not lost."""
    held = [{row.key.utterance for row in system.rows} for system in panel.systems]
    return np.array([all(clip in clips for clips in held) for clip in panel.clips])


def _corrected(pairs: Sequence[Paired], metrics: Sequence[str]) -> list[Paired]:
    """Holm's correction over the systems of one dataset, by metric; AFTER sorts first, so signs are after - before."""
    found: dict[int, Paired] = {}
    for metric in metrics:
        family = [number for number, pair in enumerate(pairs) if pair.metric == metric]
        if not family:
            continue
        boot = holm(np.array([pairs[number].comparison.p_bootstrap for number in family]))
        rank = holm(np.array([pairs[number].comparison.p_wilcoxon for number in family]))
        for place, number in enumerate(family):
            own = replace(pairs[number].comparison, holm_bootstrap=float(boot[place]), holm_wilcoxon=float(rank[place]))
            found[number] = replace(pairs[number], comparison=own)
    return [found[number] for number in sorted(found)]


def _record(pair: Paired) -> dict[str, object]:
    one = pair.comparison
    values = (
        *(pair.dataset, pair.method, pair.method_after, pair.steps, pair.metric, pair.verdict, one.n, one.units),
        *(pair.before, pair.after, one.difference, one.low, one.high, one.p_bootstrap, one.holm_bootstrap),
        *(one.p_wilcoxon, one.holm_wilcoxon, one.dz, one.rank_biserial, pair.lost, pair.gained),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _label(method: str, steps: int | None) -> str:
    return method if steps is None else f"{method}, N={steps}"


def signed(info: MetricInfo, value: float) -> str:
    """A difference in the metric's decimals, with its sign; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{'+' if value >= 0 else '-'}{info.format(abs(value))}"
