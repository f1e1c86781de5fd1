"""The paper's tables from stored runs: mean ± standard deviation as printed there, in CSV, Markdown and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from bench.core import tables
from bench.core.files import replacing
from bench.core.records import build
from results.statistics.analysis import Analysis
from results.statistics.summaries import MetricSummary
from results.store.info import MetricInfo
from results.views import markup


@dataclass(frozen=True)
class Layout:
    """A table of the paper: its caption, dataset and metrics."""

    caption: str
    dataset: str
    metrics: tuple[str, ...]


@cache
def layouts() -> Mapping[str, Layout]:
    """The paper's tables by their numbers."""
    text = Path(__file__).with_name("paper.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Layout] = build(Mapping[str, Layout], yaml.safe_load(text), "paper.yaml")
    return found


@dataclass(frozen=True)
class Line:
    """A line of a table: what it is called, and the index of its system in the analysis; None if no run has it."""

    name: str
    system: int | None


@dataclass(frozen=True)
class Filled:
    """A table with its numbers.

    Attributes:
        lines: in order.
        metrics: those of the layout that any line has, by the names they have in the analysis.
    """

    number: str
    layout: Layout
    analysis: Analysis
    lines: Sequence[Line]
    metrics: Mapping[str, MetricInfo]

    def score(self, line: Line, metric: str) -> MetricSummary | None:
        """None where there is no value."""
        if line.system is None:
            return None
        found = self.analysis.summaries[line.system].metrics[metric]
        return found if found.n else None

    def best(self, line: Line, metric: str) -> bool:
        """Whether the system is best by the metric."""
        return line.system is not None and self.analysis.standings[metric][line.system] == "best"


def fill(number: str, analysis: Analysis, lines: Sequence[Line] | None = None) -> Filled:
    """A table from an analysis of its dataset.

    Args:
        lines: None: every system.
    """
    layout = layouts()[number]
    named = {
        name: info
        for wanted in layout.metrics
        for name, info in analysis.metrics.items()
        if wanted in (name, info.name) and name in analysis.shown and "@" not in name
    }
    everything = [Line(system.label, place) for place, system in enumerate(analysis.panel.systems)]
    return Filled(number, layout, analysis, everything if lines is None else lines, named)


def frame(table: Filled) -> pd.DataFrame:
    """Columns ``system, n, nfe``, and for every metric ``<metric>_mean``, ``_sd``, ``_ci_low``, ``_ci_high``."""
    records = []
    for line in table.lines:
        summary = None if line.system is None else table.analysis.summaries[line.system]
        record: dict[str, object] = {"system": line.name}
        scores = {metric: table.score(line, metric) for metric in table.metrics}
        record["n"] = max((score.n for score in scores.values() if score), default=0)
        record["nfe"] = math.nan if summary is None else summary.nfe
        for metric, score in scores.items():
            values = (score.mean, score.sd, score.low, score.high) if score else (math.nan,) * 4
            record |= {
                f"{metric}_{part}": value
                for part, value in zip(("mean", "sd", "ci_low", "ci_high"), values, strict=True)
            }
        records.append(record)
    return pd.DataFrame(records)


def write(table: Filled, folder: Path) -> list[Path]:
    """Write ``table_NUMBER.csv``, ``.md`` and ``.tex``; best means are bold.

    Raises:
        UserError: a file cannot be written.
    """
    name = f"table_{table.number}"
    written = [tables.write(frame(table), folder / f"{name}.csv")]
    for suffix, text in (("md", markdown(table)), ("tex", latex(table))):
        with replacing(folder / f"{name}.{suffix}") as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        written.append(folder / f"{name}.{suffix}")
    return written


def markdown(table: Filled) -> str:
    """The table in Markdown."""
    heads = ["system", *(info.heading for info in table.metrics.values()), "n"]
    lines = [f"Table {table.number}. {markup.markdown(_caption(table))}", ""]
    lines += [f"| {' | '.join(map(markup.markdown, heads))} |", f"|{':--|' + '--:|' * (len(heads) - 1)}"]
    for line in table.lines:
        cells = [_bold(_cell(table, line, metric), table.best(line, metric), "**{}**") for metric in table.metrics]
        lines.append(f"| {markup.markdown(line.name)} | {' | '.join(cells)} | {_n(table, line)} |")
    return "\n".join([*lines, ""])


def latex(table: Filled) -> str:
    """The table in LaTeX, for the package booktabs."""
    heads = ["system", *(info.heading for info in table.metrics.values()), "n"]
    lines = [
        *("% \\usepackage{booktabs}", "\\begin{table}", "  \\centering"),
        f"  \\caption{{{markup.latex(_caption(table))}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        *("    \\toprule", f"    {' & '.join(map(markup.latex, heads))} \\\\", "    \\midrule"),
    ]
    for line in table.lines:
        cells = [
            _bold(markup.latex(_cell(table, line, metric)), table.best(line, metric), "\\textbf{{{}}}")
            for metric in table.metrics
        ]
        lines.append(f"    {markup.latex(line.name)} & {' & '.join(cells)} & {_n(table, line)} \\\\")
    return "\n".join([*lines, "    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""])


def _caption(table: Filled) -> str:
    dataset, size = table.analysis.panel.dataset, table.analysis.size
    return f"{table.layout.caption}: mean ± standard deviation on {dataset}, {size}"


def _cell(table: Filled, line: Line, metric: str) -> str:
    score, info = table.score(line, metric), table.metrics[metric]
    if score is None:
        return "–"
    return info.format(score.mean) if math.isnan(score.sd) else f"{info.format(score.mean)} ± {info.format(score.sd)}"


def _n(table: Filled, line: Line) -> int:
    return max((score.n for metric in table.metrics if (score := table.score(line, metric))), default=0)


def _bold(text: str, best: bool, style: str) -> str:
    return style.format(text) if best else text
