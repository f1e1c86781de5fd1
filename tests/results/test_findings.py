"""What rows say of their audio is told by method and recording, and what is no speech is never the best."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.core.findings import DEGENERATE, FINDINGS
from bench.core.types import Tag
from results.statistics.analysis import Analysis, Options, analyse
from results.store.info import MetricInfo
from results.store.rows import Row
from results.views.findings import counts, noted, remarks
from results.views.leaderboard import leaderboard
from results.views.summary import Views, summarise
from tests.results.conftest import make_row

SHOWN = {"sound": MetricInfo("Sound")}
QUICK = Options(resamples=1000)


def rows(
    found: Mapping[str, Tag] | None = None, adjusted: Mapping[str, Tag] | None = None, of: int = 12, clips: int = 12
) -> list[Row]:
    """A system that scores highest, of which the first ``of`` recordings say something, and one that scores less."""
    made = []
    for clip in range(clips):
        name = f"u{clip:02d}"
        noise = make_row(name, method="noise", sound=4.0 + clip % 3)
        said = clip < of
        made += [
            replace(noise, findings=(found or {}) if said else {}, adjusted=(adjusted or {}) if said else {}),
            make_row(name, method="speech", sound=3.0 + clip % 3),
        ]
    return made


def analysed(data: list[Row]) -> Analysis:
    (analysis,) = analyse(data, SHOWN, QUICK)
    return analysis


def standings(data: list[Row]) -> dict[str, str]:
    analysis = analysed(data)
    systems = [system.method for system in analysis.panel.systems]
    return dict(zip(systems, analysis.standings["sound"], strict=True))


@pytest.mark.parametrize("name", sorted(DEGENERATE))
def test_what_is_no_speech_is_never_marked_best(name: str) -> None:
    assert name in FINDINGS
    assert standings(rows()) == {"noise": "best", "speech": ""}
    assert standings(rows({name: 2.0})) == {"noise": "", "speech": "best"}
    assert standings(rows({name: 2.0}, of=1)) == {"noise": "best", "speech": ""}  # one may rightly be silent
    assert standings(rows({name: 2.0, f"noisy_{name}": 2.0})) == {"noise": "best", "speech": ""}
    assert standings(rows({"delay": 30.0})) == {"noise": "best", "speech": ""}


def test_each_finding_is_one_line_with_counts_and_an_example() -> None:
    data = rows({"clipped": 2.3, "noisy_quiet": -70.0}, {"padded": 160}, of=3)
    data = [
        replace(row, findings={**row.findings, "clipped": 5.0}) if row.key.method == "speech" else row for row in data
    ]
    analysis = analysed(data)
    assert remarks(analysis, noted(analysis)) == [
        "adjusted: padded in 3 of 12 recordings by noise; u00: padded: 160",
        "found: clipped in 3 of 12 recordings by noise; 12 of 12 recordings by speech; "
        "u00: The enhanced speech is clipped: 5.0 % of its samples lie flat at the peak",
        "found: noisy_quiet in 3 of 12 recordings; u00: The noisy recording is very quiet, -70 dB of full scale; "
        "DNSMOS, NISQA and recognisers depend on the level",
    ]
    noise = analysis.panel.systems[0]
    assert (
        counts(noted(analysis), noise, "found") == "clipped 3"
        and counts(noted(analysis), noise, "adjusted") == "padded 3"
    )
    table = leaderboard([analysis]).set_index("method")
    assert table.loc["noise", ["found", "adjusted"]].tolist() == ["clipped 3", "padded 3"]
    assert table.loc["speech", ["found", "adjusted"]].tolist() == ["clipped 12", ""]


def test_several_seeds_are_one_recording() -> None:
    data = [replace(make_row("a", seed=seed, sound=1.0), findings={"delay": float(seed)}) for seed in range(3)]
    (note,) = noted(analysed(data))
    assert dict(note.recordings) == {"a": 0.0}


def test_a_summary_lists_them_by_recording_and_says_them_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("results.views.terminal.Console", lambda: Console(file=stream, width=100, color_system=None))
    views = Views(QUICK, plots=False)
    summarise(tmp_path, rows({"few_levels": 2.0, "clean_band": 3400.0}, {"cut": 12}, of=2, clips=4), SHOWN, views)
    shown = " ".join(stream.getvalue().split())
    assert "found: few_levels in 2 of 4 recordings by noise" in shown and "adjusted: cut in 2 of 4" in shown
    assert "never marked best, since recordings come out as few_levels or silent: noise" in shown
    table = pd.read_csv(tmp_path / "findings.csv", keep_default_na=False)
    assert table[["utterance", "method", "about", "name", "value"]].to_numpy().tolist() == [
        *(["u00", "noise", "adjusted", "cut", 12.0], ["u01", "noise", "adjusted", "cut", 12.0]),
        *(["u00", "", "found", "clean_band", 3400.0], ["u01", "", "found", "clean_band", 3400.0]),
        *(["u00", "noise", "found", "few_levels", 2.0], ["u01", "noise", "found", "few_levels", 2.0]),
    ]
    assert "never marked best" in (tmp_path / "leaderboard.md").read_text()
    summarise(tmp_path, rows(), SHOWN, views)
    assert not (tmp_path / "findings.csv").exists()
