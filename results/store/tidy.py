"""Stored runs as tidy data, one line per score, in one call: ``scores("demo")``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.core.errors import UserError
from results.store.frame import to_frame
from results.store.merge import merge, read

RUNS = Path("results/runs")
"""Where runs are looked up by name."""

_ABOUT = ("dataset", "method", "steps", "seed", "utterance", "paradigm", "nfe", "rtf", "seconds")


def scores(*runs: str | Path, runs_dir: str | Path = RUNS, mix: bool = False) -> pd.DataFrame:
    """One line per recording, method, number of steps, seed and metric.

    Args:
        runs: names below ``runs_dir``, or folders; several are merged, as by ``bench leaderboard``.
        mix: treat datasets with the same name as one, even if their recordings differ.

    Returns:
        Columns ``dataset, method, steps, seed, utterance, paradigm, nfe, rtf, seconds``; ``system``, the method with
        its steps; ``metric`` and ``value`` (NaN where missing), ``status`` and ``reason`` (why); ``tag_<tag>``,
        ``cost_<cost>`` and the others of ``results.store.frame.to_frame``.

    Raises:
        UserError: there is no such run, or they cannot be merged.
    """
    if not runs:
        raise UserError('scores needs a run: scores("demo"), or the folder of one')
    merged = merge(read([_folder(run, Path(runs_dir)) for run in runs]), mix)
    wide = to_frame(merged.rows).reset_index(drop=True)
    kept = [name for name in wide if name in _ABOUT or str(name).startswith(("tag_", "cost_", "finding_"))]
    parts = []
    for metric in merged.rows.scores:
        column = metric if f"{metric}_score" not in wide else f"{metric}_score"
        of_metric = wide[kept].assign(
            metric=metric, value=wide[column], status=wide[f"{metric}_status"], reason=wide[f"{metric}_reason"]
        )
        parts.append(of_metric)
    tidy = pd.concat(parts, ignore_index=True) if parts else wide[kept].assign(metric="", value=float("nan"))
    steps = tidy["steps"].map(lambda number: "" if pd.isna(number) else f", N={int(number)}")
    tidy.insert(3, "system", tidy["method"] + steps)
    return tidy


def _folder(run: str | Path, runs_dir: Path) -> Path:
    """A run's folder: its name goes before a folder of that name that happens to lie here."""
    named = runs_dir / run
    return named if isinstance(run, str) and Path(run).name == run and named.is_dir() else Path(run).expanduser()
