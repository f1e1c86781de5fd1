"""The leaderboard as a table of numbers: a row per dataset, method and number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from results.statistics.analysis import Analysis
from results.statistics.summaries import COSTS, Summary, why_missing
from results.store.info import MetricInfo
from results.views.findings import ABOUT, Noted, counts, noted

PARTS = ("mean", "ci_low", "ci_high", "median", "sd", "seed_sd", "n", "missing", "reasons", "standing")
"""Columns of every metric, as in ``MetricSummary``; n + missing = utterances."""

COMPARED = (
    *("n", "units", "difference", "ci_low", "ci_high", "p_bootstrap", "holm_bootstrap"),
    *("p_wilcoxon", "holm_wilcoxon", "dz", "rank_biserial"),
)
"""Columns of every comparison, as in ``Comparison``."""


def leaderboard(analyses: Iterable[Analysis], metrics: Iterable[str] = ()) -> pd.DataFrame:
    """One line per (dataset, method, steps), by dataset, paradigm, method and steps.

    Args:
        metrics: the metrics whose columns an empty table has.

    Returns:
        Columns ``dataset, method, steps, paradigm, utterances, seeds, unit, units``; for every metric
        ``<metric>_<part>`` for each of ``PARTS``; ``nfe, nfe_varies, failed`` as in ``Summary``, and
        its ``COSTS``;
        ``found`` and ``adjusted``, the number of recordings with each (``results.views.findings``).
    """
    analyses = list(analyses)
    names = list(analyses[0].metrics) if analyses else list(metrics)
    columns = [
        *("dataset", "method", "steps", "paradigm", "utterances", "seeds", "unit", "units"),
        *(f"{name}_{part}" for name in names for part in PARTS),
        *("nfe", "nfe_varies", *COSTS, "failed", "found", "adjusted"),
    ]
    records = [
        _record(analysis, number, found)
        for analysis, found in ((analysis, noted(analysis)) for analysis in analyses)
        for number in range(len(analysis.summaries))
    ]
    return pd.DataFrame(records, columns=columns).astype({"steps": "Int64"})


def _record(analysis: Analysis, number: int, found: Sequence[Noted]) -> dict[str, Any]:
    summary = analysis.summaries[number]
    record: dict[str, Any] = {
        "dataset": summary.dataset,
        **_system(summary),
        "paradigm": summary.system.paradigm,
        "utterances": summary.utterances,
        "seeds": summary.seeds,
        "unit": analysis.panel.unit,
        "units": analysis.panel.unit_count,
    }
    for name in analysis.metrics:
        of_metric = summary.metrics[name]
        values = (
            *(of_metric.mean, of_metric.low, of_metric.high, of_metric.median, of_metric.sd, of_metric.seed_sd),
            *(of_metric.n, sum(of_metric.missing.values()), why_missing(of_metric.reasons)),
            analysis.standings[name][number],
        )
        record |= {f"{name}_{part}": value for part, value in zip(PARTS, values, strict=True)}
    record |= {name: getattr(summary, name) for name in ("nfe", "nfe_varies", "failed")}
    record |= {name: summary.cost.get(name) for name in COSTS}
    return record | {about: counts(found, summary.system, about) for about in ABOUT}


def _system(summary: Summary, suffix: str = "") -> dict[str, Any]:
    return {f"method{suffix}": summary.system.method, f"steps{suffix}": summary.system.steps}


def comparisons(analyses: Iterable[Analysis]) -> pd.DataFrame:
    """One line per dataset, metric and pair of systems.

    Columns: ``dataset, metric, method_a, steps_a, method_b, steps_b``, ``better`` (``a``, ``b``, or empty if the
    bootstrap's p-value after Holm is not significant) and ``COMPARED``; differences are a minus b. Metrics without
    any value are left out.
    """
    records = []
    for analysis in analyses:
        for metric, pairs in analysis.comparisons.items():
            for pair in pairs:
                if pair.n == 0:
                    continue
                first, second = analysis.summaries[pair.first], analysis.summaries[pair.second]
                values = (
                    *(pair.n, pair.units, pair.difference, pair.low, pair.high, pair.p_bootstrap, pair.holm_bootstrap),
                    *(pair.p_wilcoxon, pair.holm_wilcoxon, pair.dz, pair.rank_biserial),
                )
                records.append(
                    {
                        "dataset": analysis.panel.dataset,
                        "metric": metric,
                        **_system(first, "_a"),
                        **_system(second, "_b"),
                        "better": _better(pair.difference, pair.holm_bootstrap, analysis, analysis.metrics[metric]),
                        **dict(zip(COMPARED, values, strict=True)),
                    }
                )
    columns = ["dataset", "metric", "method_a", "steps_a", "method_b", "steps_b", "better", *COMPARED]
    return pd.DataFrame(records, columns=columns).astype({"steps_a": "Int64", "steps_b": "Int64"})


def _better(difference: float, p: float, analysis: Analysis, info: MetricInfo) -> str:
    if not p < analysis.options.level or not info.direction:
        return ""
    return "a" if difference * info.direction > 0 else "b"
