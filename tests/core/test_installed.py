"""What is installed is read once, and again when something was installed."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from bench.core.installed import entry_points, version


def install(folder: Path, name: str, number: str) -> None:
    info = folder / f"{name}-{number}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    (info / "entry_points.txt").write_text(f"[sebench.metrics]\n{name} = {name}:Metric\n")


def test_a_package_that_comes_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = {entry.name for entry in entry_points("sebench.metrics")}
    assert version("late_one") is None
    install(tmp_path, "late_one", "1.2")
    assert {entry.name for entry in entry_points("sebench.metrics")} == before | {"late_one"}
    assert version("late_one") == "1.2"


def test_they_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    everything = metadata.entry_points
    monkeypatch.setattr(metadata, "entry_points", lambda: read.append(None) or everything())
    install(tmp_path, "another_one", "2.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    for group in ("sebench.metrics", "sebench.methods", "no such group"):
        found = entry_points(group)
        assert ("another_one" in [entry.name for entry in found]) == (group == "sebench.metrics")
    assert len(read) == 1
