"""``bench reproduce NAME [RUN...]``: published figures beside those of stored runs; no score is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from bench.commands import several
from bench.commands.leaderboard import options
from bench.core import tables
from bench.core.errors import did_you_mean
from results.published.figures import published
from results.published.verdicts import Given, Outcome, outcomes
from results.store.find import find_run
from results.store.merge import read


def reproduce(name: str, runs: Sequence[str], config: Mapping[str, Any]) -> tuple[list[Outcome], Path]:
    """Every published figure of ``name`` with its verdict, and the CSV file that was written.

    Raises:
        UserError: there is no such publication, table or run.
    """
    asked = several.Reproduce.of(config)
    publication = published(name)
    for table in asked.tables or ():
        if table not in publication.tables:
            raise did_you_mean(f"table of {name}", table, publication.tables)
    stored = read([find_run(run, asked.runs_dir) for run in runs]) if runs else []
    given = Given(stored, options(asked), asked.datasets or {}, asked.systems or {})
    found = [one for one in outcomes(publication, given) if not asked.tables or one.figure.table in asked.tables]
    return found, tables.write(_frame(found), asked.out or asked.runs_dir.parent / "reproduced" / f"{name}.csv")


def _frame(found: Sequence[Outcome]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "table": one.figure.table,
            "system": one.figure.line.system,
            "dataset": one.figure.dataset,
            "metric": one.figure.metric,
            "verdict": one.verdict,
            "published": one.published,
            "measured": one.measured,
            "ci_low": one.low,
            "ci_high": one.high,
            "n": one.n,
            "on": one.found,
            "why": "; ".join(one.why),
        }
        for one in found
    )


def table(found: Sequence[Outcome]) -> Table:
    """A line per published figure."""
    shown = Table(box=None, pad_edge=False)
    for head in ("table", "system", "metric", "published", "measured", "n", "", "on, and why"):
        shown.add_column(head, justify="right" if head in ("published", "measured", "n") else "left")
    for one in found:
        figure, interval = one.figure, "" if one.low != one.low else f" [{one.low:.3g}, {one.high:.3g}]"
        published_as = "per file" if one.published != one.published else f"{one.published:.4g}"
        measured = "–" if one.verdict == "CANNOT RUN" else f"{one.measured:.4g}{interval}"
        about = "; ".join(filter(None, [one.found, *one.why]))
        n = str(one.n or "")
        shown.add_row(figure.table, figure.line.system, figure.metric, published_as, measured, n, one.verdict, about)
    return shown
