"""The paper's tables from runs, and critical differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.__main__ import main
from results.figures import critical
from results.statistics.analysis import Options, analyse
from results.store.rows import Row
from results.tables.ranks import Ranks, critical_difference, friedman, mean_ranks, ranks
from tests.results.tables.stored import row, store

QUICK = Options(resamples=1000)


def rows(dataset: str = "wsj0_chime3", clips: int = 20) -> list[Row]:
    gains = {"noisy": 0.0, "ncsnpp_m": 1.0, "sgmse_m": 0.9, "storm": 1.2}
    random = np.random.default_rng(0)
    return [
        row(method, f"c{n:02d}", {"pesq": 1.5 + gain + random.normal(0, 0.05)}, dataset=dataset)
        for method, gain in gains.items()
        for n in range(clips)
    ]


def test_demsars_critical_differences() -> None:
    """Table 5a: q of 0.05 is 2.343 for 3 and 2.569 for 4 systems; his example: 4 systems, 14 sets, 1.25."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(3, 6) == pytest.approx(2.343 * np.sqrt(12 / 36), abs=0.001)


def test_ranks_share_ties_and_a_tie_is_no_difference() -> None:
    assert mean_ranks(np.array([[1.0, 2, 2], [3, 1, 2]])) == pytest.approx([2, 1.75, 2.25])
    assert friedman(np.ones((5, 3))) == 1 and np.isnan(friedman(np.ones((5, 2))))


def test_ranks_leave_controls_out_and_follow_the_metrics_direction() -> None:
    [analysis] = analyse(rows(), None, QUICK)
    found = ranks(analysis, "pesq")
    assert list(found.labels) == ["storm", "ncsnpp_m", "sgmse_m"] and found.blocks == 20
    assert found.means[0] == 1 and found.p < 0.001
    worse = [row(method, f"c{n}", {"wer": rate + n}) for method, rate in (("a", 20.0), ("b", 10.0)) for n in range(4)]
    from results.store.info import MetricInfo

    [errors] = analyse(worse, {"wer": MetricInfo("WER", "%", higher_is_better=False)}, QUICK)
    assert list(ranks(errors, "wer").labels) == ["b", "a"]


def test_groups_are_the_widest() -> None:
    found = Ranks("x", list("abcd"), ["external"] * 4, np.array([1.0, 1.5, 2.2, 4.0]), 10, 0.01, 1.25)
    assert found.groups() == [(0, 2)]
    assert Ranks("x", list("abcd"), [], np.array([1.0, 2.0, 3.0, 4.0]), 10, 0.01, 1.25).groups() == [
        *((0, 1), (1, 2), (2, 3))
    ]


def test_table_one_is_every_system(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = store(tmp_path / "run", rows())
    assert main(["table", "I", str(run), "resamples=1000"]) == 0
    said = capsys.readouterr().out
    assert "Speech enhancement on WSJ0+CHiME3" in said and "| **2." in said
    frame = pd.read_csv(run / "tables" / "table_I.csv").set_index("system")
    expected = np.array([one.scores["pesq"].value for one in rows() if one.key.method == "storm"], float)
    assert frame.loc["storm", "pesq_mean"] == pytest.approx(expected.mean(), rel=1e-5)
    assert frame.loc["storm", "pesq_sd"] == pytest.approx(expected.std(ddof=1), rel=1e-4)
    assert "\\textbf{2." in (run / "tables" / "table_I.tex").read_text(encoding="utf-8")
    for suffix in ("pdf", "png", "svg"):
        assert (run / "tables" / f"table_I_ranks.{suffix}").stat().st_size > 1000


def test_tables_five_to_seven_have_the_papers_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = store(tmp_path / "run", rows("mine"))
    assert main(["table", "v", str(run), "dataset=mine", "resamples=1000"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [line.split(" |")[0] for line in lines[1:]] == [
        *("| mixture", "| StoRM with NCSN++M", "| StoRM with GaGNet", "| StoRM with ConvTasNet")
    ]
    assert "2.7" in lines[2] and "–" in lines[3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["VIII", "RUN"], "unknown table 'VIII': did you mean 'VII'"),
        (["I"], "usage: bench table"),
        (["II", "RUN"], "table II is of wsj0_reverb, which these runs lack; dataset=NAME takes another: wsj0_chime3"),
    ],
)
def test_what_is_lacking_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = store(tmp_path / "run", rows(clips=2))
    assert main(["table", *(str(run) if one == "RUN" else one for one in arguments)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_diagram_of_many_systems_is_drawn() -> None:
    [analysis] = analyse(
        [row(f"m{m}", f"c{n}", {"pesq": 1 + m / 10 + n / 7 % 1}) for m in range(9) for n in range(6)], None, QUICK
    )
    assert critical.draw([ranks(analysis, "pesq")], analysis.metrics).get_figwidth() == 3.5
