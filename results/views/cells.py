"""The text of the leaderboard's cells, legend and notes, shared by the terminal, Markdown and LaTeX tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.core.types import Status
from results.statistics.analysis import Analysis
from results.statistics.comparison import Standing
from results.statistics.panel import RECORDING
from results.statistics.summaries import MetricSummary, Summary, why_missing

FEW_UNITS = 6
"""With fewer units, tests rarely find a difference; the legend says so."""

TOO_FEW = "[too few]"
"""Printed instead of an interval for fewer than two units, or if it would span nearly the metric's whole scale."""


@dataclass(frozen=True)
class TableCell:
    """A metric of a system, as text.

    Attributes:
        mean: empty if there is no value.
        interval: ``[low, high]``, or ``TOO_FEW``.
        n: the number of recordings, if it differs from the line's.
    """

    mean: str
    interval: str = ""
    standing: Standing = ""
    n: int | None = None


@dataclass(frozen=True)
class Line:
    """A system's line of text; ``n`` applies to every cell without its own."""

    method: str
    steps: str
    cells: dict[str, TableCell]
    n: int
    nfe: str
    rtf: str
    parameters: str
    macs: str
    failed: int


def lines(analysis: Analysis) -> list[Line]:
    """A line per system, with the cells of the metrics shown."""
    names = analysis.shown
    return [_line(analysis, number, names) for number in range(len(analysis.summaries))]


def _line(analysis: Analysis, number: int, names: list[str]) -> Line:
    summary = analysis.summaries[number]
    n = max((summary.metrics[name].n for name in names), default=0)
    return Line(
        method=summary.system.method,
        steps="" if summary.system.steps is None else str(summary.system.steps),
        cells={name: _cell(analysis, number, name, n) for name in names},
        n=n,
        nfe=_nfe(summary),
        rtf=_short(summary.rtf),
        parameters=_short(summary.cost.get("parameters", math.nan) / 1e6),
        macs=_short(summary.cost.get("macs_per_second", math.nan) / 1e9),
        failed=summary.failed,
    )


def _cell(analysis: Analysis, number: int, name: str, n: int) -> TableCell:
    info, summary = analysis.metrics[name], analysis.summaries[number].metrics[name]
    if summary.n == 0:
        return TableCell("")
    interval = TOO_FEW if _too_few(summary) else f"[{info.format(summary.low)}, {info.format(summary.high)}]"
    other = None if summary.n == n else summary.n
    return TableCell(info.format(summary.mean), interval, analysis.standings[name][number], other)


def _nfe(summary: Summary) -> str:
    return "" if math.isnan(summary.nfe) else f"~{summary.nfe:.1f}" if summary.nfe_varies else f"{summary.nfe:.0f}"


def _short(value: float) -> str:
    """Three digits after the point below 1, one above; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:.3f}" if value < 1 else f"{value:.1f}"


def costs(rows: Sequence[Line]) -> dict[str, list[str]]:
    """The columns of cost by their headings: those in which any system has a value, and always the RTF."""
    columns = {
        "RTF": [row.rtf for row in rows],
        "M par": [row.parameters for row in rows],
        "GMAC/s": [row.macs for row in rows],
    }
    return {head: cells for head, cells in columns.items() if head == "RTF" or set(cells) != {"–"}}


def _about_costs(analysis: Analysis) -> list[str]:
    timed = sorted({device for summary in analysis.summaries for device in summary.timed_on})
    text = []
    if timed:
        text.append(f"RTF: one recording at a time with nothing beside it, warm, median; on {'; '.join(timed)}")
    if any(math.isnan(summary.rtf) and summary.nfe > 0 for summary in analysis.summaries):
        text.append("RTF –: not measured alone: a busy processor, measure_cost=false, or rows of an earlier version")
    if any("macs_per_second" in summary.cost for summary in analysis.summaries):
        text.append("GMAC/s: multiply-accumulates for a second of audio, counted while the networks run")
    return text


def legend(analysis: Analysis, best: str, tied: str) -> list[str]:
    """The legend of the table, one sentence per entry.

    Args:
        best, tied: how best and tied systems are marked.
    """
    confidence = f"{100 * analysis.options.confidence:g} %"
    text = [
        f"mean [{confidence} interval over {analysis.units}]; {best}: best mean of those that failed on no recording; "
        f"{tied}: not told from it (paired bootstrap, Holm, {100 * analysis.options.level:.2g} %)"
    ]
    if any(_too_few(summary.metrics[name]) for summary in analysis.summaries for name in analysis.shown):
        text.append(f"{TOO_FEW}: an interval over {analysis.units} excludes next to nothing of what the mean might be")
    rates = [analysis.metrics[name].label for name in analysis.shown if analysis.panel.scores[name].totals is not None]
    if rates:
        text.append(f"{', '.join(rates)}: all errors over all that could be wrong, not a mean of the recordings' rates")
    if analysis.panel.unit != RECORDING and analysis.panel.unit_count < FEW_UNITS:
        text.append(
            f"{analysis.units} say little about others; cluster=null takes recordings for independent, which "
            "speaks of these alone"
        )
    if any(summary.failed for summary in analysis.summaries):
        text.append("failed: rows whose enhancement or a score ended in an error; rows.jsonl says why")
    text += _about_costs(analysis)
    if absent := _absent(analysis):
        text.append(f"without any value: {absent}")
    return text


def _too_few(summary: MetricSummary) -> bool:
    return summary.n > 0 and math.isnan(summary.low)


def _absent(analysis: Analysis) -> str:
    """The metrics without a value for any system, with the reasons."""
    found: dict[str, list[str]] = {}
    for name, info in analysis.metrics.items():
        if name not in analysis.shown:
            reasons: Counter[tuple[Status, str]] = Counter()
            for summary in analysis.summaries:
                reasons.update(summary.metrics[name].reasons)
            found.setdefault(why_missing(reasons), []).append(info.label)
    return "; ".join(f"{', '.join(labels)}: {why}" for why, labels in found.items())


def missing(analysis: Analysis) -> list[str]:
    """For each system with missing scores: how many recordings have a score, out of how many, and why."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name in analysis.shown:
        lost: dict[str, list[str]] = {}
        for summary in analysis.summaries:
            of_metric = summary.metrics[name]
            if of_metric.missing:
                what = f"{of_metric.n} of {summary.utterances}, missing {why_missing(of_metric.reasons)}"
                lost.setdefault(what, []).append(summary.system.label)
        for what, systems in lost.items():
            found.setdefault((what, tuple(systems)), []).append(analysis.metrics[name].label)
    return [f"{', '.join(labels)}: {what}: {'; '.join(systems)}" for (what, systems), labels in found.items()]
