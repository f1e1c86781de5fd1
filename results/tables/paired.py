"""Two runs method by method: paired differences on the recordings that both have, with intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from results.statistics.analysis import Options
from results.statistics.comparison import compare, holm
from results.statistics.panel import Panel, panels
from results.statistics.scale import Scale
from results.store.columns import ByKey, Column, Rows, joined
from results.store.info import MetricInfo
from results.store.merge import Stored, infos
from results.store.reading import as_rows
from results.store.versions import separate
from results.tables.compared import Compared, Paired, System, named

BEFORE, AFTER = "before", "after"


def paired(
    first: Stored, second: Stored, options: Options, pairs: Mapping[str, str] | None = None, mix: bool = False
) -> Compared:
    """Compare every system that both runs have, by every metric that both scored with one version.

    Args:
        pairs: methods of the first run and what they are called in the second, where that differs.
        mix: compare recordings of one name although the datasets' fingerprints differ.
    """

    def same(before: Sequence[System], after: Sequence[System]) -> list[tuple[System, System]]:
        renamed = [((pairs or {}).get(method, method), steps) for method, steps in before]
        return [(old, new) for old, new in zip(before, renamed, strict=True) if new in after]

    return _compared(first, second, options, same, mix)


def against(first: Stored, second: Stored, options: Options) -> Compared:
    """Compare every system of the second run with every one of the first but its oracles, which no system can reach."""
    within_reach = as_rows(first.rows.values()).filter("paradigm", lambda paradigm: paradigm != "oracle")
    first = replace(first, rows=ByKey(within_reach))
    return _compared(first, second, options, lambda before, after: list(product(before, after)))


def _compared(
    first: Stored,
    second: Stored,
    options: Options,
    match: Callable[[Sequence[System], Sequence[System]], list[tuple[System, System]]],
    mix: bool = False,
) -> Compared:
    """Compare the pairs that ``match`` makes of a dataset's systems in the first and in the second run."""
    obstacles: list[str] = []
    metrics = _metrics(first, second, obstacles)
    before, after = _by_system(first), _by_system(second)
    found: list[Paired] = []
    for dataset in _datasets(first, second, mix, obstacles):
        systems = [list(run.get(dataset, ())) for run in (before, after)]
        matched = match(*systems)
        if not matched:
            told = " | ".join("; ".join(named(*system) for system in of_run) for of_run in systems)
            obstacles.append(f"dataset {dataset}: no system in common: {told}; pairs={{old: new}} names them")
        of_dataset = [
            pair
            for old, new in matched
            for pair in _pair(before[dataset][old], after[dataset][new], metrics, options, obstacles)
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


Systems = Mapping[str, Mapping[System, Rows]]


def _by_system(run: Stored) -> Systems:
    """A run's rows by dataset, method and steps; scores of other versions than the manifest's have names of their own.

    Together they are a panel of one system as it was and as it is.
    """
    rows = separate(run.rows.values(), infos(run.manifest))[0]
    columns = [rows.columns[name] for name in ("dataset", "method", "steps")]
    codes = np.stack([column.codes for column in columns])
    _, firsts, which = np.unique(codes, axis=1, return_index=True, return_inverse=True)
    found: dict[str, dict[System, Rows]] = {}
    for number in np.argsort(firsts):
        dataset, method, steps = (column[firsts[number]] for column in columns)
        found.setdefault(dataset, {})[method, steps] = rows.take(np.flatnonzero(which.reshape(-1) == number))
    return found


def _pair(
    first: Rows,
    second: Rows,
    metrics: Mapping[str, MetricInfo],
    options: Options,
    obstacles: list[str],
) -> Iterator[Paired]:
    (dataset, method, steps), (_, method_after, steps_after) = _system(first), _system(second)
    rows = joined([_labelled(first, BEFORE), _labelled(second, AFTER)])
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
            obstacles.append(f"{dataset}, {named(method, steps)}, {metric}: {told}")
            continue
        before, after = _means(panel, metric, at[BEFORE]), _means(panel, metric, at[AFTER])
        direction = metrics[metric].direction
        yield Paired(
            *(dataset, method, method_after, steps, steps_after, metric, one, before, after),
            *(direction, options.level, lost, gained),
        )


def _system(rows: Rows) -> tuple[str, str, int | None]:
    key = rows.key(0)
    return key.dataset, key.method, key.steps


def _labelled(rows: Rows, label: str) -> Rows:
    """A system's rows as those of a method ``label``; of one paradigm, so that the names decide the order."""
    alike = {"method": label, "steps": None, "paradigm": "compared"}
    columns = {name: Column(np.zeros(len(rows), np.int32), [value]) for name, value in alike.items()}
    return Rows({**rows.columns, **columns}, rows.seconds, rows.scores)


def _means(panel: Panel, metric: str, system: int) -> float:
    """The mean, or pooled rate, over the recordings where both have a value; NaN without any."""
    above, below = panel.scores[metric].fractions
    common = panel.scores[metric].counted.all(axis=0)
    total = float(below[system][common].sum())
    return float(above[system][common].sum()) / total if total else math.nan


def _in_both(panel: Panel) -> NDArray[np.bool_]:
    """Which recordings both runs hold: one that was never asked for is not lost."""
    held = [set(as_rows(system.rows).columns["utterance"].occurring()) for system in panel.systems]
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
