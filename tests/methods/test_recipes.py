"""Recipes: complete, buildable, and their scripts call what the systems offer."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from bench.commands.listing import listing
from bench.core.errors import UserError
from methods import create
from methods.catalogue.recipe import NEEDS, RECIPES, names, recipe
from tests.methods.stub_systems import STUBS

NOISE = np.random.default_rng(0).normal(0, 0.1, 1600).astype(np.float32)
SETTINGS = 10
"""Lines of a recipe without its card."""

PROGRAM = """
import sys, soundfile
noisy, enhanced, *rest = sys.argv[1:]
x, rate = soundfile.read(noisy, dtype="float32")
soundfile.write(enhanced, 0.5 * x, rate, subtype="FLOAT")
"""

STUB_SERVER = """
import json, sys, soundfile
from pathlib import Path
assert Path(sys.argv[1]).is_file() and "{" not in " ".join(sys.argv), sys.argv
for line in sys.stdin:
    asked = json.loads(line)
    x, rate = soundfile.read(asked["noisy"], dtype="float32")
    soundfile.write(asked["enhanced"], x, rate, subtype="FLOAT")
    print("{}", flush=True)
"""


@pytest.mark.parametrize("name", names())
def test_every_recipe_is_complete(name: str) -> None:
    text = (RECIPES / f"{name}.yaml").read_text()
    assert len(text.partition("card:")[0].splitlines()) <= SETTINGS
    card = recipe(name).card
    assert {"summary", "paper", "repository", "licence", "install", "weights"} <= card.keys()
    assert card["licence"].keys() == {"code", "weights"} and card["repository"].startswith("https://")
    for expected in card.get("expected", ()):
        assert expected.keys() == {"data", "scores", "source"}
        assert all(isinstance(value, float) for value in expected["scores"].values())
    script = shlex.split(recipe(name).options["run"])[1].replace("{here}", str(RECIPES))
    assert Path(script).is_file()


def test_there_are_at_least_ten() -> None:
    assert len(names()) >= 10
    told = listing("recipes")
    for name in names():
        assert f"{name}: " in told
    assert "expected: PESQ 3.41" in told


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a user gives: an interpreter that runs a stub, a checkout, weights; with spaces in their names."""
    own = tmp_path / "an environment"
    own.mkdir()
    (own / "stub.py").write_text(STUB_SERVER)
    python = own / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(own / "stub.py"))} "$@"\n')
    python.chmod(0o755)
    (own / "small.ckpt").touch()
    return {"python": str(python), "folder": str(own), "checkpoint": "small.ckpt"}


@pytest.mark.parametrize("name", names())
def test_every_recipe_builds_a_command_that_runs(name: str, environment: dict[str, str]) -> None:
    about = recipe(name)
    method = create("recipe", system=name, reuse=False, **{need: environment[need] for need in about.needs})
    assert method.uses_steps == about.options.get("takes_steps", False)
    assert method.stochastic == about.options.get("draws_noise", False)
    made = method.enhance(NOISE, about.options.get("sample_rate", 16000), 5, 1)
    np.testing.assert_array_equal(made.audio, NOISE)
    told = method.provenance()
    assert told["recipe"] == name and told["paper"] == about.card["paper"] and told["licence"]["code"]
    if "checkpoint" in about.needs:
        assert told["run"][-1] == str(Path(environment["folder"]) / "small.ckpt")


def test_what_is_given_goes_before_the_recipe(environment: dict[str, str]) -> None:
    method = create("recipe", system="voicefixer", python=environment["python"], sample_rate=8000, reuse=False)
    assert method.enhance(NOISE, 16000).model_rate == 8000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"system": "cgman"}, "unknown recipe 'cgman': did you mean 'cmgan'?"),
        ({"system": "mine.yaml"}, "recipe: mine.yaml: no such file"),
        (
            {"system": "cmgan", "python": sys.executable},
            r"cmgan needs folder \(its checkout\), checkpoint \(its weights\); to install it: git clone https.*pip",
        ),
        ({"system": "voicefixer"}, r"needs python \(the interpreter of the system's own env.*pip install voice"),
        ({"system": "voicefixer", "tolerence": 3}, "option of method 'recipe' 'tolerence': did you mean 'tolerance'?"),
        ({"system": "voicefixer", "python": "/nowhere/python"}, "/nowhere/python: no such program"),
        ({"system": "voicefixer", "python": sys.executable, "folder": "/nowhere"}, "/nowhere: no such folder"),
        (
            {"system": "cmgan", "python": sys.executable, "folder": ".", "checkpoint": "nowhere.ckpt"},
            "checkpoint: nowhere.ckpt: no such file",
        ),
    ],
)
def test_mistakes_are_one_line(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason.replace("?", r"\?")):
        create("recipe", **options).enhance(NOISE, 16000)


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "enhance it.py").write_text(PROGRAM)
    own = tmp_path / "mine.yaml"
    run = "python '{here}/enhance it.py' {noisy} {enhanced}"
    own.write_text(yaml.safe_dump({"run": run, "python": sys.executable, "card": {"paper": "ours"}}))
    method = create("recipe", system=str(own))
    np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, 0.5 * NOISE)
    assert method.provenance()["recipe"] == "mine" and method.provenance()["paper"] == "ours"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("run: [", "mine.yaml: not a YAML file"),
        ("- run", "a recipe is a mapping with the key 'run'"),
        ("mode: server", "a recipe is a mapping with the key 'run'"),
        ("run: x {noisy} {enhanced}\ntolerence: 3", "mine.yaml: 'tolerence': did you mean 'tolerance'"),
        ("run: x {noisy} {enhanced}\ncard: MIT", "card must be a mapping"),
        ("run: x {noisy} {enhanced}\nneeds: [pyhton]", "needs must be a list of python, folder, checkpoint"),
        ("run: x {noisy} {enhanced} {checkpoint}", "recipe mine needs checkpoint"),
        ("run: x {noisy}", r"where \{enhanced\} go"),
        ("run: x '{noisy} {enhanced}", "No closing quotation"),
    ],
)
def test_a_recipe_with_mistakes_is_one_line(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=reason):
        create("recipe", system=str(tmp_path / "mine.yaml"))


def test_a_script_serves_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, STUBS["clearvoice"].files)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    method = create("recipe", system="clearvoice", python=sys.executable)
    for _ in range(2):  # what the package prints to stdout is no answer
        np.testing.assert_allclose(method.enhance(NOISE, 16000).audio, 0.5 * NOISE, atol=1e-7)
    with pytest.raises(UserError, match="ValueError: too short"):
        method.enhance(NOISE[:10], 16000)


@pytest.fixture
def imports() -> Iterator[None]:
    """What a script does to the imports and to torch is undone."""
    path, modules, load = list(sys.path), set(sys.modules), torch.load
    kinds = (torch.Tensor, torch.nn.Module)
    cuda = [kind.cuda for kind in kinds]
    yield
    sys.path[:], torch.load = path, load
    for kind, own in zip(kinds, cuda, strict=True):
        kind.cuda = own  # type: ignore[method-assign]
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize("name", names())
def test_a_script_calls_what_its_system_offers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imports: None
) -> None:
    stub = STUBS[name]
    write(tmp_path, stub.files)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    torch.save(stub.weights, tmp_path / "base.ckpt")
    sys.path[:0] = [str(tmp_path), str(RECIPES / "scripts")]
    words = [word.replace("{checkpoint}", "base.ckpt") for word in shlex.split(recipe(name).options["run"])]
    script = importlib.import_module(Path(words[1]).stem)
    answer: Callable[..., dict[str, Any]] = importlib.import_module("serving").answer
    system = script.load(words[2:])

    def enhanced(seed: int, steps: int | None) -> tuple[np.ndarray, dict[str, Any]]:
        rate = recipe(name).options.get("sample_rate", 16000)
        soundfile.write(tmp_path / "noisy.wav", NOISE, rate, subtype="FLOAT")
        places = {"noisy": str(tmp_path / "noisy.wav"), "enhanced": str(tmp_path / "enhanced.wav")}
        said = answer(system, {**places, "seed": seed, "steps": steps})
        assert "error" not in said, said
        samples, found = soundfile.read(tmp_path / "enhanced.wav", dtype="float32")
        assert found == rate
        return samples, said

    one, said = enhanced(1, None)
    again, _ = enhanced(1, None)
    other, _ = enhanced(2, None)
    np.testing.assert_array_equal(one, again)
    assert np.array_equal(one, other) != recipe(name).options.get("draws_noise", False)
    assert abs(one.size - NOISE.size) <= recipe(name).options.get("tolerance", 0)
    assert np.corrcoef(one[:1500], NOISE[:1500])[0, 1] > 0.9
    assert said == ({} if stub.nfe is None else {"nfe": stub.nfe})
    if recipe(name).options.get("takes_steps"):
        assert enhanced(1, 3)[1] == {"nfe": stub.nfe_of_3}
    assert NEEDS.keys() >= set(recipe(name).needs)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


DOCS = (Path(__file__).resolve().parents[2] / "docs" / "running.md").read_text(encoding="utf-8")
HALVING = """
import argparse, soundfile
parser = argparse.ArgumentParser()
parser.add_argument("--input"); parser.add_argument("--output")
given = parser.parse_args()
x, rate = soundfile.read(given.input, dtype="float32")
assert rate == 16000
soundfile.write(given.output, 0.5 * x[:-320], rate, subtype="FLOAT")
"""
THE_SYSTEM = """
print("loading")
class Model:
    def enhance(self, noisy):
        print("enhancing")
        return 0.5 * noisy
def load_model():
    return Model()
"""


def documented(first_line: str) -> str:
    """The code block of the documentation that begins so."""
    start = DOCS.index(f"```{first_line}") + 3
    return DOCS[start : DOCS.index("```", start)].partition("\n")[2]


def test_the_documented_recipe_of_ten_lines_runs(tmp_path: Path) -> None:
    text = documented("yaml\n# theirs.yaml")
    assert len(text.strip().splitlines()) - 1 <= 10
    text = text.replace("/envs/theirs/bin/python", sys.executable).replace("/checkouts/theirs", str(tmp_path))
    (tmp_path / "theirs.yaml").write_text(text)
    (tmp_path / "enhance_one.py").write_text(HALVING)
    method = create("recipe", system=str(tmp_path / "theirs.yaml"))
    made = method.enhance(NOISE, 16000)
    np.testing.assert_array_equal(made.audio[:-320], 0.5 * NOISE[:-320])
    assert made.adjusted == {"samples": -320} and method.provenance()["licence"]["code"] == "MIT"


def test_the_documented_server_runs(tmp_path: Path) -> None:
    (tmp_path / "enhance_server.py").write_text(documented("python\n# enhance_server.py"))
    (tmp_path / "the_system.py").write_text(THE_SYSTEM)
    run = "python {here}/enhance_server.py"
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump({"run": run, "mode": "server", "python": sys.executable}))
    method = create("recipe", system=str(tmp_path / "theirs.yaml"))
    for _ in range(2):
        np.testing.assert_array_equal(method.enhance(NOISE, 16000).audio, 0.5 * NOISE)
