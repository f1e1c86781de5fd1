"""A stored run of 10^5 rows: appended, scanned by a resumed run, read whole, and summarised in a leaderboard."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

from results.store.folder import Store
from results.store.rows import Row
from results.store.versions import separate
from results.views.summary import Views, summarise
from tests.perf.table import Options, Ratio, in_turns
from tests.results.store.synthetic import synthetic_rows

ROWS = 100_000
SCANNED, SUMMARISED = 1.0, 6.0
"""The CPU time that each may take, by that of the baseline, which reads the log as JSON and keeps nothing."""


def measure(options: Options) -> Iterator[Ratio]:
    """Ratios of CPU time; appending is compared with writing the same lines, each onto the disk."""
    count = 1000 if options.quick else ROWS
    with tempfile.TemporaryDirectory() as folder:
        rows = list(synthetic_rows(count))
        store = Store(folder)
        appended, written = in_turns(
            partial(_append, Path(folder) / "appended", rows[: count // 10]),
            partial(_dump, Path(folder) / "dumped", rows[: count // 10]),
            repeat=1,
        )
        yield Ratio("store", f"{count // 10} rows appended", appended, "json.dumps and write", written)
        store.rows_path.write_text("".join(f"{row.to_json()}\n" for row in rows), encoding="utf-8")
        del rows
        jobs = (store.standings, store.rows, lambda: _leaderboard(store), lambda: _loads(store.rows_path))
        scanned, read, summarised, loaded = in_turns(*jobs, repeat=min(options.repeat, 3))
    for what, seconds, most in (
        ("scanned by a resumed run", scanned, SCANNED),
        ("read as rows", read, None),
        ("read and summarised", summarised, SUMMARISED),
    ):
        yield Ratio("store", f"{count} rows {what}", seconds, "json.loads of every line", loaded, most=most)


def _append(folder: Path, rows: list[Row]) -> None:
    with Store(folder) as store:
        for row in rows:
            store.append(row)


def _dump(path: Path, rows: list[Row]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            data = {"key": vars(row.key), "scores": {name: vars(score) for name, score in row.scores.items()}}
            file.write(json.dumps({**vars(row), **data}))


def _loads(path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        for line in file:
            json.loads(line)


def _leaderboard(store: Store) -> None:
    with redirect_stdout(io.StringIO()):
        summarise(store.folder, *separate(store.rows().values()), Views(plots=False))
