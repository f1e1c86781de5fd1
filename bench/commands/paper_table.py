"""``bench table NUMBER RUN ...``: the paper's tables from stored runs, and which systems differ; nothing is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.commands import several
from bench.commands.leaderboard import options
from bench.core.errors import UserError, did_you_mean
from results.figures import critical, page
from results.published.figures import published
from results.published.verdicts import Given, systems
from results.statistics.analysis import Analysis, analyse
from results.store.find import find_run
from results.store.merge import Stored, merge, read
from results.tables import paper
from results.tables.paper import Filled, Line
from results.tables.ranks import ranks

PUBLICATION = "storm"


def table(number: str, runs: Sequence[str], config: Mapping[str, Any]) -> tuple[Filled, list[Path]]:
    """Write a table of the paper, and its critical-difference diagram; returns what was written.

    Raises:
        UserError: there is no such table, run or dataset, or it has none of the table's metrics.
    """
    asked = several.PaperTable.of(config)
    number = number.upper()
    if number not in paper.layouts():
        raise did_you_mean("table", number, paper.layouts())
    stored = read([find_run(run, asked.runs_dir) for run in runs])
    merged = merge(stored, asked.mix)
    layout = paper.layouts()[number]
    dataset = asked.dataset or layout.dataset
    rows = merged.rows.where(dataset=dataset)
    if not rows:
        known = ", ".join(sorted(merged.rows.columns["dataset"].occurring()))
        raise UserError(f"table {number} is of {dataset}, which these runs lack; dataset=NAME takes another: {known}")
    [analysis] = analyse(rows, merged.metrics, options(asked))
    filled = paper.fill(number, analysis, _lines(number, stored, asked, analysis, dataset))
    if not filled.metrics:
        raise UserError(f"table {number} has {', '.join(layout.metrics)}; the runs have {', '.join(analysis.shown)}")
    folder = asked.out or stored[0].folder / "tables"
    written = paper.write(filled, folder)
    found = [ranks(analysis, metric) for metric in filled.metrics if filled.metrics[metric].direction]
    if diagrams := [one for one in found if len(one.labels) > 1 and one.blocks > 1]:
        written += page.save(critical.draw(diagrams, filled.metrics), folder, f"table_{number}_ranks")
    return filled, written


def _lines(
    number: str, stored: Sequence[Stored], asked: several.PaperTable, analysis: Analysis, dataset: str
) -> list[Line] | None:
    """The published table's lines, each with the system of the runs that is it; None for every system of the runs."""
    publication = published(PUBLICATION)
    if number not in publication.tables:
        return None
    places = {(system.method, system.steps): place for place, system in enumerate(analysis.panel.systems)}
    given = Given(stored, options(asked), {publication.tables[number].dataset: dataset}, asked.systems or {})
    lines = []
    for line, found in systems(publication, number, given):
        place = next((places[one] for one in found if one in places), None)
        lines.append(Line(line.system, place))
    return lines
