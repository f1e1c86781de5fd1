"""docs/agreement.py: the rank correlations between the demo and real recordings, from runs' rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd

SCRIPT = Path(__file__).resolve().parent.parent / "docs" / "agreement.py"
SYSTEMS = ("noisy", "logmmse", "gtcrn", "dtln", "dfn3")


def stored(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir()
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    return folder


def row(dataset: str, method: str, utterance: int, score: float, **more: object) -> dict[str, object]:
    scores = dict.fromkeys(("pesq", "estoi", "si_sdr"), score) | {"dnsmos": -score}
    return {"dataset": dataset, "method": method, "steps": None, "utterance": utterance, **scores, **more}


def test_equal_orders_and_a_type_of_noise_that_reverses_one_pair(tmp_path: Path) -> None:
    rows = []
    for rank, method in enumerate(SYSTEMS):
        rows += [row("demo_full", method, clip, rank + clip) for clip in range(3)]
        swapped = {"dtln": 4, "dfn3": 3}.get(method, rank)
        rows += [row("real", method, clip, 10 * swapped, tag_noise_type="rumble") for clip in range(3)]
        rows += [row("real", method, 3 + kind, 25 * rank, tag_noise_type=f"kind {kind}") for kind in range(1)]
    known = stored(tmp_path / "known", rows)
    incomplete = stored(tmp_path / "own", [row("demo_full", "storm", 0, 9, steps=3)])
    done = subprocess.run([sys.executable, SCRIPT, known, incomplete], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "| 5 systems: PESQ / ESTOI / SI-SDR / DNSMOS | demo_full | real |"
    assert "| `noisy` | 1.00 / 1.000 / 1.0 / -1.00 | 0.00 / 0.000 / 0.0 / 0.00 |" in lines
    assert "| all recordings | 0.90 / 0.80 | 0.90 / 0.80 | 0.90 / 0.80 | 0.90 / 0.80 |" in lines
    assert "| types of noise weighted alike | 1.00 / 1.00 | 1.00 / 1.00 | 1.00 / 1.00 | 1.00 / 1.00 |" in lines
    assert "noisy < logmmse < gtcrn in PESQ: demo_full True, real True" in lines
    assert "dtln < dfn3 in PESQ: demo_full True, real False" in lines
    assert "dtln < dfn3 in DNSMOS: demo_full False, real True" in lines
    assert "storm" not in done.stdout
