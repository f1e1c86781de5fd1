"""Rows in columns say what the rows say, to the last digit: of a synthetic and of a real run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.conf.compose import compose
from bench.core import tables
from bench.run.benchmark import run
from results.statistics.panel import panels
from results.statistics.summaries import COSTS, summarise
from results.store.columns import joined, last_of_each
from results.store.folder import Store
from results.store.frame import to_frame, write_csv
from results.store.reading import as_rows
from results.store.rows import Row
from tests.metrics import parrots  # noqa: F401 (registers them)
from tests.results.conftest import make_row
from tests.results.store import plain

HEARD = "{name: wer, recogniser: {name: parrot, words: bin blue}}"


def synthetic(folder: Path) -> list[Row]:
    return list(plain.varied_rows(400))


def real(folder: Path) -> list[Row]:
    """Two recordings of the demo; of each a rate, findings and tags."""
    keys = [f"runs_dir={folder}", "run=real", "datasets=[demo]", "limit=2", "workers=0", "measure_cost=false"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("results.views.summary._draw", lambda looks, folder: None)
        made = run(compose("run", [*keys, "methods=[noisy,logmmse]", f"metrics=[si_sdr,estoi,lsd,{HEARD}]"]))
    return list(map(Row.from_line, (made.folder / "rows.jsonl").read_bytes().splitlines()))


@pytest.fixture(scope="module", params=[synthetic, real])
def rows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    make: Callable[[Path], list[Row]] = request.param
    return make(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def stored(rows: list[Row], tmp_path: Path) -> Store:
    """The rows in a log."""
    with Store(tmp_path) as store:
        for row in rows:
            store.append(row)
    return store


def test_the_table_and_its_file_are_those_made_row_by_row(rows: list[Row], stored: Store, tmp_path: Path) -> None:
    expected = plain.frame(rows)
    pd.testing.assert_frame_equal(to_frame(stored.rows().values()), expected, check_exact=True)
    written = write_csv(stored.rows().values(), tmp_path)
    told = pd.read_csv(written, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(
        told, pd.read_csv(tables.write(expected, tmp_path / "plain.csv", None), dtype=str, keep_default_na=False)
    )


def test_panels_and_summaries_are_those_made_row_by_row(rows: list[Row], stored: Store) -> None:
    metrics = [*dict.fromkeys(name for row in rows for name in row.scores), "nobody"]
    found = panels(stored.rows().values(), metrics)
    assert [panel.dataset for panel in found] == sorted({row.key.dataset for row in rows})
    for panel in found:
        plain.check_panel(panel, rows)
        for summary, system in zip(summarise(panel, resamples=1000), panel.systems, strict=True):
            done = [row for row in system.rows if row.status == "ok"]
            nfes = [row.nfe for row in done if row.nfe is not None]
            assert summary.failed == sum(row.failed for row in system.rows)
            assert summary.seeds == len({row.key.seed for row in system.rows})
            assert summary.nfe == pytest.approx(np.mean(nfes), rel=0) if nfes else np.isnan(summary.nfe)
            assert summary.nfe_varies == (len(set(nfes)) > 1)
            costs = {name: [row.cost[name] for row in done if name in row.cost] for name in COSTS}
            assert summary.cost == {name: np.median(values) for name, values in costs.items() if values}


def test_a_row_comes_out_as_it_went_in(rows: list[Row]) -> None:
    table = as_rows(rows)
    assert list(table) == rows and list(table.keys()) == [row.key for row in rows]
    assert list(table[1:4]) == rows[1:4] and table[2] == rows[2]
    assert [rows[place] for place in table.order()] == sorted(rows, key=lambda row: row.key)
    assert table.failed.tolist() == [row.failed for row in rows]
    one = rows[0].key
    same = [row for row in rows if (row.key.method, row.key.steps) == (one.method, one.steps)]
    assert list(table.where(method=one.method, steps=one.steps)) == same and not table.where(method="nobody")
    assert list(table.filter("status", "ok".__ne__)) == [row for row in rows if row.status != "ok"]
    assert as_rows(table) is table


def test_rows_are_joined_and_the_last_of_a_key_counts(rows: list[Row]) -> None:
    parts = [as_rows(rows[:2]), as_rows(rows[1:]), as_rows([])]
    together = joined(parts)
    assert list(together) == [*rows[:2], *rows[1:]]
    assert [places.tolist() for places in together.repeated()] == [[1, 2]]
    assert list(last_of_each(together)) == rows
    assert list(joined([])) == []


def test_of_a_key_the_last_row_counts_where_the_first_was(tmp_path: Path) -> None:
    said = [make_row("a", pesq=1.0), make_row("b", pesq=2.0), make_row("a", wer=3.0), make_row("a", lsd=4.0)]
    with Store(tmp_path) as store:
        for row in said:
            store.append(row)
    found = store.rows()
    assert list(found.items()) == [(said[3].key, said[3]), (said[1].key, said[1])]
    assert said[0].key in found and make_row("c").key not in found and len(found) == 2
    assert Counter(name for row in found.values() for name in row.scores) == {"lsd": 1, "pesq": 1}
