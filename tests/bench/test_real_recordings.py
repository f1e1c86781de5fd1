"""Real recordings through ``bench run``: published per-file scores come out, and every method goes over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.conf.compose import compose
from bench.run.benchmark import run
from results.store.folder import Store

CONTROL_AND_OTHERS = "methods=[noisy,{{name: precomputed, dir: {0}/enhanced_cmgan, label: CMGAN}}]"


@pytest.fixture(scope="module")
def vbdmd(shared: Path) -> Path:
    return shared / "realdata" / "vbdmd"


def test_published_pesq_is_reproduced_file_by_file(vbdmd: Path, tmp_path: Path) -> None:
    overrides = [CONTROL_AND_OTHERS.format(vbdmd), f"datasets=[{vbdmd}]", "metrics=[pesq]", "workers=0"]
    result = run(compose("run", [*overrides, f"runs_dir={tmp_path}", "run=published"]))
    assert not result.failures
    scores = pd.read_csv(vbdmd / "scores.csv").query("metric == 'PESQ_wb'").sort_values("kind")  # published last
    expected = {(row.utterance, row.signal): row.value for row in scores.itertuples()}
    signals = {"noisy": "noisy", "CMGAN": "enhanced_cmgan"}
    rows = Store(result.folder).rows()
    assert len(rows) == 20
    for key, row in rows.items():
        assert row.scores["pesq"].value == pytest.approx(expected[key.utterance, signals[key.method]], abs=1e-3), key


@pytest.mark.slow
def test_the_four_methods_run_over_real_speech(vbdmd: Path, tmp_path: Path) -> None:
    overrides = [
        "methods=[ncsnpp_m,sgmse_m,refinement,storm]",
        f"datasets=[{vbdmd}]",
        "steps=[2]",
        "limit=1",
        "measure_cost=false",
    ]
    result = run(
        compose("run", [*overrides, "metrics=[si_sdr]", "workers=0", f"runs_dir={tmp_path}", "run=four", "device=cpu"])
    )
    assert not result.failures
    rows = Store(result.folder).rows().values()
    assert {row.key.method: row.nfe for row in rows} == {"ncsnpp_m": 1, "sgmse_m": 2, "refinement": 3, "storm": 3}
    assert all(np.isfinite(row.scores["si_sdr"].value or np.nan) for row in rows)
