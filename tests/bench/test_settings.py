"""A configuration is checked before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.conf.compose import compose
from bench.core.errors import UserError
from bench.run.entries import Spec
from bench.run.settings import Settings


def settings(**changes: Any) -> Settings:
    return Settings.of({**compose("run", []), **changes})


def test_one_thing_stands_for_a_list_of_one() -> None:
    made = settings(steps=7, seeds=3, methods="noisy", metrics={"name": "pesq", "label": "wide"})
    assert (made.steps, made.seeds) == ((7,), (3,))
    assert made.methods == (Spec("noisy"),)
    assert made.metrics == (Spec("pesq", "wide", {}),)


def test_what_is_asked_for_twice_is_done_once() -> None:
    assert settings(steps=[5, 10, 5], seeds=[1, 1]).steps == (5, 10)


def test_a_mapping_is_a_name_a_label_and_options() -> None:
    spec = Spec.of("methods", {"name": "precomputed", "dir": "x", "label": "A-1.0+b_c"})
    assert spec == Spec("precomputed", "A-1.0+b_c", {"dir": "x"})


def test_a_folder_and_a_manifest_are_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.csv").write_text("id,noisy\n")
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    folder, manifest, named, local, mapping = settings(
        datasets=[str(tmp_path), "list.csv", "demo", "./demo", {"name": ".", "mixdown": True, "label": "here"}]
    ).datasets
    assert folder == Spec("paired_folder", None, {"dir": str(tmp_path)})
    assert manifest == Spec("paired_folder", None, {"manifest": str(tmp_path / "list.csv")})
    assert named == Spec("demo")
    assert local.options == {"dir": str(tmp_path / "demo")}
    assert mapping == Spec("paired_folder", "here", {"dir": str(tmp_path), "mixdown": True})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"foo": 1}, "unknown key 'foo'"),
        ({"steps": 0}, "steps: each must be a whole number from 1 up; got 0"),
        ({"steps": [5, "x"]}, "steps: each must be a whole number from 1 up; got 'x'"),
        ({"steps": True}, "steps:"),
        ({"steps": []}, "steps: needs at least one entry"),
        ({"steps": None}, "steps: a list of at least 1"),
        ({"seeds": [0.5]}, "seeds:"),
        ({"seeds": -1}, "seeds:"),
        ({"limit": 0}, "limit:"),
        ({"workers": "many"}, "workers:"),
        ({"threads": None}, "threads:"),
        ({"keep_audio": "yes"}, "keep_audio:"),
        ({"device": "tpu"}, "device: one of auto, cpu, cuda"),
        ({"run": "a/b"}, "run: 'a/b'"),
        ({"run": ".."}, "run: '..'"),
        ({"methods": []}, "methods: needs at least one entry"),
        ({"methods": [3]}, "methods: an entry is a name or a mapping"),
        ({"methods": [{"dir": "x"}]}, "needs a name"),
        ({"methods": [{"name": "noisy", "label": "a b"}]}, "methods: 'a b' may hold"),
        ({"datasets": ["demmo"]}, "unknown dataset 'demmo': did you mean 'demo'?"),
        ({"datasets": ["/no/such/folder"]}, "datasets: /no/such/folder is neither a folder nor a manifest"),
        ({"datasets": ["missing.csv"]}, "missing.csv is neither"),
    ],
)
def test_nonsense_is_refused_in_one_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as raised:
        settings(**changes)
    assert told in str(raised.value)


def test_what_is_not_said_has_its_default() -> None:
    assert Settings.of({"run": "mine"}) == Settings.of({**compose("run", []), "run": "mine"})


def test_known_stands_for_the_known_systems_that_are_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("methods.catalogue.cache.available", lambda name: name in {"dtln", "gtcrn"})
    made = settings(methods=["noisy", "known", "storm"])
    assert [spec.name for spec in made.methods] == ["noisy", "gtcrn", "dtln", "storm"]
    assert "without dfn3 rnnoise" in capsys.readouterr().err
