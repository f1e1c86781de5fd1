"""A run names recordings that its weights were trained on: in notes, rows and the leaderboard's remarks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.leaks.sources import Source, Sources, beside, write
from bench.run.benchmark import run
from bench.run.leaks import _shared
from methods.weights import EMBEDDED
from results.store.folder import Store


def test_a_speaker_of_the_training_is_named(
    config: Callable[..., dict[str, Any]], recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "tags.csv").write_text("id,speaker\nclip0,p226\nclip1,p227\n")
    weights = Path(shutil.copy(EMBEDDED / "ncsnpp_m.safetensors", tmp_path))
    write(beside(weights), Sources([Source("clip", "a", "p226", np.zeros(0, np.uint32))]))
    methods = [{"name": "ncsnpp_m", "checkpoint": str(weights)}, "noisy"]
    given = config(methods=methods, datasets=[{"name": str(recordings), "limit": 2}])
    result = run(given)
    assert "ncsnpp_m was trained on what talk tests: the speaker of 1 recordings: clip0 (p226, by name)" in (
        capsys.readouterr().err
    )
    rows = Store(result.folder).rows()
    assert {(key.method, key.utterance) for key, row in rows.items() if "seen_speaker" in row.findings} == {
        ("ncsnpp_m", "clip0")
    }
    table = (result.folder / "leaderboard.md").read_text()
    assert "its speaker is in the training of these weights: p226" in table
    size = Store(result.folder).rows_path.stat().st_size
    run(given)
    assert Store(result.folder).rows_path.stat().st_size == size


def test_declared_corpora() -> None:
    assert _shared(["DNS Challenge 3", "WSJ0"], ("wsj0", "CHiME3", "DNS Challenge")) == ["wsj0", "DNS Challenge"]
    assert _shared([], ("WSJ0",)) == []
