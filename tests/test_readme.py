"""What the README and the pages of the documentation show works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from bench.__main__ import COMMANDS
from bench.commands.mushra_clips import choose
from bench.commands.mushra_settings import Export
from bench.conf.compose import compose
from bench.datasets.base import create
from bench.run.entries import Spec
from bench.run.settings import KNOWN
from listening_test.design.candidates import Candidates
from listening_test.design.select import Candidate
from methods.base import METHODS
from metrics.base import METRICS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMAND_LINES = [
    shlex.split(line, comments=True)
    for line in re.findall(
        r"^bench .*",
        "\n".join(text for language, text in BLOCKS if language == "sh").replace("\\\n", " "),
        re.MULTILINE,
    )
]
PLUGIN_RUN = next(words for words in COMMAND_LINES if words[-1] == "run=gate")


def block(language: str, start: str) -> str:
    return next(text for kind, text in BLOCKS if kind == language and text.startswith(start))


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_commands_are_understood(words):
    command = next(name for name in (" ".join(words[1:3]), words[1]) if name in COMMANDS)
    overrides = words[1 + len(command.split()) :]
    if not COMMANDS[command].usage.startswith(f"{command} [KEY"):  # runs, folders or files are named first
        overrides = [word for word in overrides if "=" in word]
    overrides = [word for word in overrides if not word.startswith(("--", "baseline="))]  # a baseline must be there
    if COMMANDS[command].job is None:  # it takes names alone
        return
    config = compose(COMMANDS[command].job or command, overrides)
    if command == "run" and words != PLUGIN_RUN:
        for spec in (Spec.of("methods", entry) for entry in config["methods"] if entry != KNOWN):
            METHODS.check(spec.name, spec.options)
        assert {Spec.of("metrics", entry).name for entry in config["metrics"] or ()} <= set(METRICS.names())


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = "\n".join(text for language, text in BLOCKS if language == "sh")
    mentioned = set(re.findall(r"^make ([\w-]+)", shown, re.MULTILINE)) | set(re.findall(r"`make ([\w-]+)", TEXT))
    assert {"demo", "test"} <= mentioned <= targets


def test_the_listening_test_that_is_shown_can_be_made_of_the_demo():
    shown = {" ".join(words): words[4:] for words in COMMAND_LINES if words[1:4] == ["mushra", "export", "demo"]}
    demo = create("demo")
    found = Candidates([Candidate("demo", name, demo.tags(name)) for name in demo.ids()], {})
    of_the_demo = re.search(r"bench run run=demo .*'steps=\[([\d,]+)\]'", (ROOT / "Makefile").read_text())
    assert shown and of_the_demo
    for keys in shown.values():
        asked = Export.of(compose("mushra_export", keys))
        _, groups, training, _ = choose(asked, found)
        assert sum(map(len, groups)) == asked.clips and training
        assert str(asked.steps) in of_the_demo[1].split(",")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^):]+)\)", README))))
def test_links_lead_to_files(link):
    assert (ROOT / link).exists()


def test_enhancing_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noisy = np.random.default_rng(0).normal(scale=0.1, size=4000).astype(np.float32)
    soundfile.write("noisy.wav", noisy, 16000)
    exec(block("python", "import soundfile"), {})
    assert soundfile.info("enhanced.wav").frames == noisy.size


@pytest.mark.slow
def test_the_example_of_a_package(tmp_path):
    source, site = tmp_path / "my_enhancer", tmp_path / "site"
    source.mkdir()
    (source / "pyproject.toml").write_text(block("toml", "# pyproject.toml"))
    (source / "my_enhancer.py").write_text(block("python", "# my_enhancer.py"))
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", site, source]
    subprocess.run([sys.executable, *install], check=True)

    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    run = [sys.executable, "-m", *PLUGIN_RUN, "workers=0"]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "results" / "runs" / "gate" / "leaderboard.csv").set_index("method")
    assert set(table.index) == {"noisy", "gate", "gate20"}
    assert (table["error_power_n"] == 2).all()
    assert (
        table.loc["gate", "error_power_mean"] < table.loc["noisy", "error_power_mean"]
    )  # the silent half is silent again
