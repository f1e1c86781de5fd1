"""What the orchestration takes does not grow with the run, and ``docs/scale.md`` has the figures that were computed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.perf import extrapolate
from tests.perf.scale import simulate

CELLS = int(os.environ.get("SEBENCH_SCALE_CELLS", "10000"))
"""Of the slow test: as many as the machine has time for."""


def test_the_documents_tables_are_those_of_the_script() -> None:
    assert extrapolate.tables(extrapolate.Assumed()) in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("workers", [0, 2])
def test_the_driver_keeps_nothing_of_a_cell_once_it_is_stored(tmp_path: Path, workers: int) -> None:
    """Beyond what the start of Ray takes: far less than the row (1.6 kB in memory) or the audio (6.4 kB)."""
    found = simulate(CELLS, workers, tmp_path)
    assert found["computed_mb"] - found["planned_mb"] < 100 + CELLS * 500 / 1e6
    assert found["planned_mb"] - found["imported_mb"] < 30 + CELLS * 1000 / 1e6
