"""The paper's figures from a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.commands import ratings
from bench.commands.diffusion import processes
from tests.listening_test import simulate
from tests.listening_test.conftest import Export, export, exported, run
from tests.results.tables.stored import row, store

__all__ = ["export", "exported", "run"]  # fixtures

OUVE = {"name": "ouve", "theta": 1.5, "sigma_min": 0.05, "sigma_max": 0.5}


def test_the_reverse_process_arrives_where_the_forward_began() -> None:
    forward, reverse = processes(OUVE, 0.03)
    assert forward.mean[0] == 0 and forward.std[0] == pytest.approx(0, abs=1e-6)
    assert forward.mean[-1] == pytest.approx(1 - np.exp(-1.5)) and forward.std[-1] == pytest.approx(0.3889826)
    assert np.all(np.diff(forward.mean) > 0) and reverse.mean[0] == pytest.approx(1, abs=0.05)
    assert abs(reverse.mean[-1]) < 0.1 and reverse.std[-1] < 0.1 < reverse.std[0]
    assert forward.samples.shape == (8, len(forward.t))


def test_a_bridge_has_a_process_too() -> None:
    forward, reverse = processes({"name": "bbed", "k": 2.6, "theta": 0.52}, 0.03)
    assert forward.std.max() > forward.std[-1] and np.isfinite(reverse.mean).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fig4", "RUN"], "unknown figure 'fig4'"),
        (["fig1"], "usage: bench figure"),
        (["fig1", "RUN"], "fig1 needs a diffusion method"),
        (["fig2", "RUN"], "no audio of a predictive method was kept"),
        (["fig7", "RUN", "clip=c9"], "unknown recording of the runs 'c9'"),
        (["fig6", "RUN", "metrics=[estoi]"], "no score of estoi; the runs have pesq"),
        (["fig9", "RUN"], "no score of wer in these runs"),
        (["fig10", "RUN"], "no listening test in this folder"),
    ],
)
def test_what_is_lacking_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = store(tmp_path / "run", [row("ncsnpp_m", f"c{n}", {"pesq": 2.0 + n}) for n in range(3)])
    named = [str(run) if argument == "RUN" else argument for argument in arguments]
    assert main(["figure", *named]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_ratings_are_those_of_listeners_who_listened(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, test = export()
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(ratings, "draw", lambda scores, kinds, words, width: drawn.update(scores=scores, kinds=kinds))
    people = {f"l{number}": simulate.careful() for number in range(3)}
    given = simulate.ratings(
        people | {"blind": simulate.blind_to_the_reference}, list(test.conditions), list("abcdefgh")
    )
    given = given.assign(**{name: False for name in ("training", "again") if name not in given}, status="complete")
    monkeypatch.setattr(ratings.collect, "load", lambda _: given)
    ratings.draw_test(folder, "column")
    assert len(drawn["scores"]["reference"]) == 3 * 8 and set(drawn["scores"]["reference"]) == {100.0}
    assert drawn["kinds"]["reference"] == "reference" and drawn["kinds"]["mixture"] == "anchor"


def test_spectrograms_and_residues_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ["run=small", f"runs_dir={tmp_path}", "methods=[noisy,ncsnpp_m]", "metrics=[si_sdr]", "limit=1", "workers=0"]
    assert main(["run", *keys]) == 0
    for name in ("fig2", "fig3", "fig7"):
        assert main(["figure", name, str(tmp_path / "small"), "resamples=1000"]) == 0
        assert (tmp_path / "small" / "figures" / f"{name}.pdf").is_file()
