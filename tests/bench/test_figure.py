"""The paper's figures from a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.commands import ratings
from bench.commands.diffusion import processes
from bench.core import audio
from results.figures import page, spectrograms
from results.figures.spectrograms import Signal
from results.store.folder import Store
from tests.listening_test import simulate
from tests.listening_test.conftest import Export, export, exported, run
from tests.results.tables.stored import manifest, row, store

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
    people = {f"l{number}": simulate.careful() for number in range(3)} | {"blind": simulate.blind_to_the_reference}
    clips = [clip.utterance for clip in test.clips.values()]
    given = simulate.ratings(people, list(test.conditions), clips)
    monkeypatch.setattr(ratings.collect, "load", lambda _: given)
    ratings.draw_test(folder, "column")
    assert len(drawn["scores"]["reference"]) == 3 * len(clips) and set(drawn["scores"]["reference"]) == {100.0}
    assert drawn["kinds"]["reference"] == "reference" and drawn["kinds"]["mixture"] == "anchor"


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """A run of two recordings with audio: a predictive method, and one with two stages and its estimates."""
    folder, data = tmp_path / "run", tmp_path / "data"
    rows = [row(method, clip, {"pesq": 2.0}) for method in ("noisy", "ncsnpp_m", "storm") for clip in ("a", "b")]
    rows = [replace(one, tags={"task": "dereverb" if one.key.utterance == "b" else "denoise"}) for one in rows]
    for clip, level in (("a", 0.1), ("b", 0.2)):
        for kind, scale in (("clean", 1.0), ("noisy", 2.0)):
            audio.write(data / kind / f"{clip}.wav", np.full(16000, level * scale, np.float32), 16000)
    told = manifest(rows)
    told["datasets"]["demo"] |= {"name": "paired_folder", "options": {"dir": str(data)}}
    with Store(folder) as stored:
        stored.write_manifest(told)
        for one in rows:
            stored.append(one)
            if one.key.method != "noisy":
                audio.write(stored.audio_path(one.key), np.full(16000, 0.3, np.float32), 16000)
            if one.key.method == "storm":
                audio.write(stored.estimate_path(one.key), np.full(16000, 0.15, np.float32), 16000)
    return folder


def signals(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Signal]:
    """What a figure of spectrograms would show, by its titles."""
    drawn: list[Signal] = []
    monkeypatch.setattr(spectrograms, "draw", lambda given, rate, width: drawn.extend(given) or page.blank(width, 1))
    assert main(["figure", *arguments]) == 0
    return {signal.title: signal for signal in drawn}


def test_artefacts_are_beside_the_clean_recording(heard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = signals(monkeypatch, "fig2", str(heard))
    assert list(found) == ["clean", "noisy", "ncsnpp_m", "ncsnpp_m − clean"]
    assert found["ncsnpp_m − clean"].than is not None and found["ncsnpp_m − clean"].than[0] == np.float32(0.1)


def test_residues_are_of_the_first_stage(heard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = signals(monkeypatch, "fig3", str(heard))
    assert list(found) == ["noisy", "D(y): storm", "y − D(y): taken away", "x − D(y): left over"]
    assert found["y − D(y): taken away"].samples[0] == pytest.approx(0.05, abs=1e-6)
    assert found["x − D(y): left over"].samples[0] == pytest.approx(-0.05, abs=1e-6)


def test_spectrograms_are_of_the_task_or_the_clip_asked_for(heard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = signals(monkeypatch, "fig7", str(heard))
    assert list(first) == ["clean", "noisy", "ncsnpp_m", "storm"] and first["clean"].samples[0] == np.float32(0.1)
    assert signals(monkeypatch, "fig8", str(heard))["clean"].samples[0] == np.float32(0.2)
    asked = signals(monkeypatch, "fig7", str(heard), "clip=b", "methods=[storm]")
    assert list(asked) == ["clean", "noisy", "storm"] and asked["clean"].samples[0] == np.float32(0.2)
