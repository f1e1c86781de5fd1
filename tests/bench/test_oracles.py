"""Oracles in a run: they stand in the table and are never best; without a reference one line says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.run.benchmark import run

Config = Callable[..., dict[str, Any]]


def test_an_oracle_is_compared_and_never_best(
    config: Config, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(config(methods=["noisy", "ideal_ratio_mask", "logmmse"], metrics=["si_sdr", "estoi"]))
    table = pd.read_csv(result.folder / "leaderboard.csv").set_index("method")
    assert table.loc["ideal_ratio_mask", "si_sdr_mean"] == table["si_sdr_mean"].max()
    assert table.loc["ideal_ratio_mask", "paradigm"] == "oracle"
    assert pd.isna(table.loc["ideal_ratio_mask", "si_sdr_standing"])
    assert (table["si_sdr_standing"] == "best").sum() == 1
    pairs = pd.read_csv(result.folder / "comparisons.csv")
    with_oracle = (pairs.method_a == "ideal_ratio_mask") | (pairs.method_b == "ideal_ratio_mask")
    assert pairs.holm_bootstrap.isna().equals(with_oracle) and pairs.p_bootstrap.notna().all()
    assert "never marked best: ideal_ratio_mask" in capsys.readouterr().out.replace("\n", " ")


def test_without_references_one_line_says_so(config: Config, recordings: Path) -> None:
    for path in (recordings / "clean").iterdir():
        path.unlink()
    (recordings / "clean").rmdir()
    with pytest.raises(UserError, match="clip0: an oracle is given the clean reference, and this recording has none"):
        run(config(methods=["noisy", "clean"]))
