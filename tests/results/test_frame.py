from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.core.types import Score
from results.store.frame import to_frame, write_csv
from tests.results.conftest import make_row


def test_a_line_per_key_a_column_per_metric_and_tag() -> None:
    rows = [
        make_row(
            "b", method="storm", steps=5, seed=0, nfe=0, pesq=Score.missing("undefined", "silence"), tags={"snr": 5}
        ),
        make_row("a", nfe=0, pesq=2.0, estoi=0.5, seconds=2.0, enhance_seconds=1.0, cost={"rtf": 0.25}),
        make_row("c", status="error", reason="corrupt file"),
    ]
    frame = to_frame(rows)
    assert frame["utterance"].tolist() == ["a", "c", "b"]
    assert frame["nfe"].tolist() == [0, pd.NA, 0]
    assert frame["steps"].tolist() == [pd.NA, pd.NA, 5]
    assert frame["pesq_status"].tolist() == ["ok", "error", "undefined"]
    assert frame["estoi_status"].tolist() == ["ok", "error", "skipped"]
    assert frame["pesq_reason"].tolist() == ["", "corrupt file", "silence"]
    assert frame["pesq"].isna().tolist() == [False, True, True]
    assert frame["rtf"][0] == frame["cost_rtf"][0] == 0.25
    assert frame["enhance_seconds"][0] == 1.0
    assert frame["tag_snr"][2] == 5
    assert frame["reason"][1] == "corrupt file"


def test_a_metric_called_like_a_column_replaces_nothing() -> None:
    frame = to_frame([make_row(nfe=7, **{"seconds": 2.0}), make_row("b", nfe=3)])
    assert frame["nfe"].tolist() == [7, 3]
    row = make_row("c", nfe=1)
    clash = to_frame([type(row)(row.key, "control", "ok", nfe=1, scores={"nfe": Score(9.0)})])
    assert (clash["nfe"][0], clash["nfe_score"][0]) == (1, 9.0)


def test_the_file_reads_back_and_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [make_row(name, pesq=1 / 3) for name in "abc"]
    path = write_csv(rows, tmp_path / "one")
    assert path == tmp_path / "one" / "rows.csv"
    assert pd.read_csv(path)["pesq"].tolist() == pytest.approx([1 / 3] * 3, rel=1e-15)
    assert write_csv(rows[::-1], tmp_path / "two").read_bytes() == path.read_bytes()


def test_no_rows_give_an_empty_table() -> None:
    assert to_frame([]).empty
    assert "dataset" in to_frame([])
