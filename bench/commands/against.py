"""What ``bench run baseline=RUN`` prints: a run's systems, each against every system of the baseline and its best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from results.store.info import MetricInfo
from results.tables.compared import Compared, Paired, named, signed


def tables(baseline: str, compared: Compared) -> Iterator[tuple[str, Table]]:
    """Of each dataset and system of the run a heading, and its means and differences from the baseline's systems."""
    groups: dict[tuple[str, str, int | None], list[Paired]] = {}
    for pair in compared.pairs:
        groups.setdefault((pair.dataset, pair.method_after, pair.steps_after), []).append(pair)
    for (dataset, method, steps), pairs in groups.items():
        count = max(pair.comparison.n for pair in pairs)
        system = named(method, steps)
        heading = f"{dataset}, {count} recordings: {system}, and its difference from each system of {baseline}"
        yield heading, _table(system, pairs, compared.metrics)


def _table(system: str, pairs: Sequence[Paired], metrics: Mapping[str, MetricInfo]) -> Table:
    table = Table(box=None, pad_edge=False)
    by_metric = {name: [pair for pair in pairs if pair.metric == name] for name in metrics}
    shown = {name: found for name, found in by_metric.items() if found}
    table.add_column("")
    for name in shown:
        table.add_column(metrics[name].heading, justify="right")
    widest = {name: max(found, key=lambda pair: pair.comparison.n) for name, found in shown.items()}
    table.add_row(system, *(metrics[name].format(pair.after) for name, pair in widest.items()))
    for other in dict.fromkeys((pair.method, pair.steps) for pair in pairs):
        cells = {
            pair.metric: f"{signed(metrics[pair.metric], pair.comparison.difference)} {pair.verdict}"
            for pair in pairs
            if (pair.method, pair.steps) == other
        }
        table.add_row(named(*other), *(cells.get(name, "") for name in shown))
    return table


def lines(baseline: str, compared: Compared) -> Iterator[str]:
    """By each metric, how a system of the run compares with the baseline's best; and what could not be compared."""
    for pair in compared.leaders():
        info, one = compared.metrics[pair.metric], pair.comparison
        interval = f"[{signed(info, one.low)}, {signed(info, one.high)}]"
        yield (
            f"{pair.dataset}, {info.label}: {named(pair.method_after, pair.steps_after)} {info.format(pair.after)}, "
            f"best of {baseline} {named(pair.method, pair.steps)} {info.format(pair.before)}: "
            f"{signed(info, one.difference)} {interval}, p = {one.holm_bootstrap:.3g} (Holm), {pair.verdict}"
        )
    yield from compared.obstacles
