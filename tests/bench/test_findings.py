"""What is amiss with the audio stands in the rows, by recording and method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.core import audio
from bench.run.benchmark import run
from results.store.folder import Store
from results.store.rows import Row
from tests.metrics.signals import hiss, syllables

Config = Callable[..., dict[str, Any]]
RATE = 16000


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    """A folder ``studio`` with two clips of 1 s, and in ``right`` what a system made of them."""
    for index in range(2):
        clean = syllables(1.0, seed=index)
        parts = {
            **{"studio/clean": clean, "studio/noisy": clean + hiss(clean, 0.02, seed=index + 5)},
            "right": clean + hiss(clean, 0.005, seed=index + 9),
        }
        for part, signal in parts.items():
            audio.write(tmp_path / part / f"clip{index}.wav", signal, RATE)
    return tmp_path


def rows(config: Config, studio: Path, *systems: str, **changes: Any) -> dict[tuple[str, str], Row]:
    methods = ["noisy", *({"name": "precomputed", "dir": str(studio / name), "label": name} for name in systems)]
    made = run(config(datasets=[str(studio / "studio")], methods=methods, **changes))
    return {(key.method, key.utterance): row for key, row in Store(made.folder).rows().items()}


def changed(studio: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> str:
    for path in (studio / "right").glob("*.wav"):
        audio.write(studio / name / path.name, change(audio.read(path)[0]).astype(np.float32), RATE)
    return name


def test_integers_stored_as_floats_are_told_and_not_rated_by_what_clips_them(config: Config, studio: Path) -> None:
    scaled = changed(studio, "scaled", lambda signal: 32768 * signal)
    found = rows(config, studio, "right", scaled, metrics=["si_sdr", "dnsmos"])
    for clip in ("clip0", "clip1"):
        assert found["noisy", clip].findings == found["right", clip].findings == {}
        assert found["scaled", clip].findings.keys() == {"integer_range", "level"}
        right, wrong = found["right", clip].scores, found["scaled", clip].scores
        assert wrong["si_sdr"].value == pytest.approx(right["si_sdr"].value, abs=1e-3)
        assert (right["dnsmos"].status, wrong["dnsmos"].status) == ("ok", "undefined")


def test_a_recording_s_own_findings_stand_in_the_rows_of_every_method(config: Config, studio: Path) -> None:
    path = studio / "studio" / "noisy" / "clip1.wav"
    audio.write(path, np.clip(audio.read(path)[0], -0.1, 0.1), RATE)
    late = changed(studio, "late", lambda signal: np.r_[np.zeros(480), signal[:-480]])
    found = rows(config, studio, "right", late)
    assert found["late", "clip0"].findings == {"delay": 30.0}
    assert found["late", "clip1"].findings.keys() == {"noisy_clipped", "delay"}
    assert found["right", "clip1"].findings.keys() == found["noisy", "clip1"].findings.keys() == {"noisy_clipped"}


def test_stored_rows_get_their_findings_when_they_are_scored(config: Config, studio: Path) -> None:
    scaled = changed(studio, "scaled", lambda signal: -signal)
    asked = {
        "datasets": [str(studio / "studio")],
        "methods": [{"name": "precomputed", "dir": str(studio / scaled)}],
    }
    made = run(config(**asked))
    with Store(made.folder) as store:  # as a version without the check left them
        for row in store.rows().values():
            store.append(replace(row, findings={}))
    run(config(**asked, metrics=["si_sdr", "stoi"]))
    assert all(row.findings.keys() == {"inverted"} for row in Store(made.folder).rows().values())
