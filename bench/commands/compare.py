"""``bench compare A B``: what changed between two runs, and what came of it; no score is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from bench.commands import several
from bench.commands.leaderboard import options
from bench.core import tables
from bench.core.errors import UserError, did_you_mean
from results.store.find import find_run
from results.store.merge import read
from results.tables.changes import Change, changes
from results.tables.compared import Compared, Paired, named, signed
from results.tables.paired import paired


@dataclass(frozen=True)
class Result:
    """What was found, where it was written, and which pairs make the command fail."""

    changes: Sequence[Change]
    compared: Compared
    folder: Path
    worse: Sequence[Paired]

    def table(self) -> Table:
        """A line per dataset, method, steps and metric."""
        table = Table(box=None, pad_edge=False)
        for head in ("dataset", "method", "metric", "before", "after", "difference", "p (Holm)", "n", ""):
            table.add_column(head, justify="left" if head in ("dataset", "method", "metric", "") else "right")
        for pair in self.compared.pairs:
            info, one = self.compared.metrics[pair.metric], pair.comparison
            interval = f"[{signed(info, one.low)}, {signed(info, one.high)}]"
            means = [info.format(pair.before), info.format(pair.after)]
            found = [f"{signed(info, one.difference)} {interval}", f"{one.holm_bootstrap:.3g}", str(one.n)]
            table.add_row(pair.dataset, named(pair.method, pair.steps), info.label, *means, *found, _told(pair))
        return table


def compare(runs: Sequence[str], config: Mapping[str, Any]) -> Result:
    """Compare the second run with the first, and write ``differences.csv`` and ``changes.csv``.

    Raises:
        UserError: there is no such run; nothing can be compared, or nothing by a metric of ``fail_if_worse``.
    """
    asked = several.Compare.of(config)
    folders = [find_run(run, asked.runs_dir) for run in runs]
    if folders[0].resolve() == folders[1].resolve():
        raise UserError(f"{runs[0]} and {runs[1]} are the same run; name two")
    first, second = read(folders)
    pairs = asked.pairs or {}
    for old, new in pairs.items():
        for run, name in ((first, old), (second, new)):
            if name not in run.manifest["methods"]:
                raise did_you_mean(f"method of {run.name}", name, run.manifest["methods"])
    compared = paired(first, second, options(asked), pairs, asked.mix)
    if not compared.pairs:
        raise UserError(f"nothing to compare: {'; '.join(compared.obstacles) or 'no system has a score in both runs'}")
    by_metric = {pair.metric for pair in compared.pairs}
    for metric in asked.fail_if_worse or ():
        if metric not in by_metric:
            why = "; ".join(line for line in compared.obstacles if metric in line) or "not scored in both runs"
            raise UserError(f"fail_if_worse={metric}: nothing to compare ({why}); there are {', '.join(by_metric)}")
    folder = asked.out or asked.runs_dir.parent / "comparisons" / f"{first.folder.name}+{second.folder.name}"
    found = changes(first, second, pairs)
    tables.write(compared.frame(), folder / "differences.csv")
    listed = [{**asdict(one), "before": str(one.before), "after": str(one.after)} for one in found]
    tables.write(pd.DataFrame(listed, columns=["kind", "name", "what", "before", "after"]), folder / "changes.csv")
    return Result(found, compared, folder, compared.worse(asked.fail_if_worse or ()))


def _told(pair: Paired) -> str:
    lost = [f"{pair.lost} scores lost"] * bool(pair.lost) + [f"{pair.gained} gained"] * bool(pair.gained)
    return f"{pair.verdict} ({', '.join(lost)})" if lost else pair.verdict
