"""What changed between two runs, and whether the second is worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.__main__ import main
from bench.core.types import Score
from results.store.rows import Row
from tests.results.tables.stored import row, store

CLIPS = 12


def rows(gain: float = 0.0, method: str = "mine", seed: int = 0, **rest: object) -> list[Row]:
    """PESQ and SI-SDR of some clips; ``gain`` is added to every PESQ, a little scattered."""
    random = np.random.default_rng(0)
    base, scatter = random.normal(2.5, 0.5, CLIPS), np.random.default_rng(seed + 1).normal(0, 0.02, CLIPS)
    scatter = scatter if gain else scatter * 0
    return [
        row(method, f"c{n:02d}", {"pesq": float(base[n] + gain + scatter[n]), "si_sdr": 10 + n / 10}, **rest)  # type: ignore[arg-type]
        for n in range(CLIPS)
    ]


def compare(tmp_path: Path, first: list[Row], second: list[Row], *keys: str, **about: object) -> int:
    store(tmp_path / "a", first)
    store(tmp_path / "b", second, **about)
    asked = ["resamples=1000", f"out={tmp_path / 'out'}", *keys]
    return main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), *asked])


def test_a_worse_method_fails_and_a_better_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tmp_path / "1", rows(), rows(-0.3), "fail_if_worse=[pesq,si_sdr]") == 1
    said = capsys.readouterr()
    assert "worse: demo, mine, pesq" in said.err and "si_sdr" not in said.err
    frame = pd.read_csv(tmp_path / "1" / "out" / "differences.csv").set_index("metric")
    assert frame.loc["pesq", "verdict"] == "worse" and frame.loc["si_sdr", "verdict"] == "same"
    assert frame.loc["pesq", "difference"] == pytest.approx(-0.3, abs=0.03)
    assert frame.loc["pesq", "ci_low"] < frame.loc["pesq", "difference"] < frame.loc["pesq", "ci_high"] < 0
    assert frame.loc["pesq", "after"] - frame.loc["pesq", "before"] == pytest.approx(
        frame.loc["pesq", "difference"], abs=1e-4
    )
    assert compare(tmp_path / "2", rows(), rows(0.3), "fail_if_worse=[pesq]") == 0
    assert compare(tmp_path / "3", rows(), rows(-0.3)) == 0
    assert compare(tmp_path / "4", rows(), rows(-0.3), "fail_if_worse=[si_sdr]") == 0


def test_lower_is_better_for_errors(tmp_path: Path) -> None:
    words = [[row("mine", f"c{n}", {"wer": Score.rate(k, 20)}) for n in range(CLIPS)] for k in (2, 6)]
    assert compare(tmp_path / "1", words[0], words[1], "fail_if_worse=[wer]") == 1
    assert compare(tmp_path / "2", words[1], words[0], "fail_if_worse=[wer]") == 0


def test_lost_scores_are_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = [*rows(0.3)[:-1], row("mine", "c11", {"pesq": Score.missing("error", "crash"), "si_sdr": 11.1})]
    assert compare(tmp_path, rows(), broken, "fail_if_worse=[pesq]") == 1
    assert "1 scores lost" in capsys.readouterr().out


def test_a_method_that_lost_every_score_is_worse(tmp_path: Path) -> None:
    broken = [row("mine", f"c{n:02d}", {"pesq": Score.missing("error", "crash")}) for n in range(CLIPS)]
    other = rows(method="other")
    assert compare(tmp_path, [*rows(), *other], [*broken, *other], "fail_if_worse=[pesq]") == 1


def test_fewer_recordings_are_not_lost_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tmp_path, rows(), rows()[:-4], "fail_if_worse=[pesq]") == 0
    said = capsys.readouterr().out
    assert "recordings of demo: 8 in common; 12 -> 8" in said and "lost" not in said


def test_every_change_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = {
        "provenance": {"mine": {"weights_sha256": "0" * 64, "sampler": {"corrector": "ald"}}},
        "versions": {"si_sdr": "2"},
    }
    faster = rows(device="cuda", computing={"precision": "bf16"})
    assert compare(tmp_path, [*rows(), *rows(method="old")], [*faster, *rows(method="new")], **about) == 0
    said = capsys.readouterr().out.splitlines()
    assert "method mine: provenance.weights_sha256 nothing -> 000000000000" in said
    assert "method mine: provenance.sampler nothing -> {'corrector': 'ald'}" in said
    assert "method old: only in the first run" in said and "method new: only in the second run" in said
    assert "metric si_sdr: version 1 -> 2" in said
    assert "computing mine: device cpu -> cuda" in said and "computing mine: precision nothing -> bf16" in said
    assert any("metric si_sdr: not comparable, two versions (1 and 2)" in line for line in said)
    assert set(pd.read_csv(tmp_path / "out" / "differences.csv")["metric"]) == {"pesq"}
    assert len(pd.read_csv(tmp_path / "out" / "changes.csv")) >= 6


def test_renamed_methods_are_paired(tmp_path: Path) -> None:
    assert compare(tmp_path, rows(), rows(-0.3, "new"), "pairs={mine: new}", "fail_if_worse=[pesq]") == 1


def test_rows_of_another_version_do_not_count(tmp_path: Path) -> None:
    mixed = [*rows(-0.3)[:6], *(row("mine", f"c{n:02d}", {"pesq": 1.0}, versions={"pesq": "0"}) for n in range(6, 12))]
    compare(tmp_path, rows(), mixed)
    frame = pd.read_csv(tmp_path / "out" / "differences.csv").set_index("metric")
    assert frame.loc["pesq", "n"] == 6


@pytest.mark.parametrize(
    ("second", "about", "keys", "said"),
    [
        (rows(), {"fingerprint": "0" * 64}, [], "dataset demo: the recordings differ; mix=true"),
        (rows(method="other"), {}, [], "no system in common: mine | other; pairs={old: new}"),
        (rows(dataset="vb"), {}, [], "no dataset in common: demo; vb"),
        ([row("mine", "c00", {"estoi": 0.5})], {}, [], "no metric in common"),
        (rows(), {"versions": {"pesq": "2"}}, ["fail_if_worse=[pesq]"], "fail_if_worse=pesq: nothing to compare"),
        (rows(), {}, ["fail_if_worse=[wer]"], "fail_if_worse=wer: nothing to compare (not scored in both runs)"),
        (rows(), {}, ["pairs={mien: mine}"], "did you mean 'mine'"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    second: list[Row],
    about: dict[str, object],
    keys: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert compare(tmp_path, rows(), second, *keys, **about) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_two_runs_are_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(store(tmp_path / "a", rows()))
    assert main(["compare", run]) == 2 and main(["compare", run, run]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "usage: bench compare A B" in said[0] and "are the same run" in said[1]
