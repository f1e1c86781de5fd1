"""A third party's package is installed and used through ``bench``, by workers too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from results.store.folder import Store
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed ``tests/plugin_package``, offline."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(ROOT / "tests" / "plugin_package", folder / "source")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder / "site")]
    subprocess.run([*command, str(folder / "source")], check=True)
    return folder / "site"


def bench(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), str(ROOT)])
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)


def test_its_method_metric_and_dataset_go_through_bench_run(installed: Path, tmp_path: Path) -> None:
    done = bench(
        installed,
        tmp_path,
        "run",
        "methods=[noisy,spectral_gate,{name: spectral_gate, threshold: 0.9, label: shut}]",
        "datasets=[{name: chirps, count: 2}]",
        "metrics=[level,si_sdr]",
        "workers=2",
        "run=plugin",
    )
    assert done.returncode == 0, done.stderr
    assert "Level" in done.stdout
    store = Store(tmp_path / "results" / "runs" / "plugin")
    rows = store.rows()
    assert len(rows) == 2 * 3
    scores = {(key.method, key.utterance): row.scores for key, row in rows.items()}
    for clip in ("chirp0", "chirp1"):
        noisy, gated, shut = (scores[method, clip] for method in ("noisy", "spectral_gate", "shut"))
        assert gated["si_sdr"].value > noisy["si_sdr"].value
        assert shut["level"].value < gated["level"].value < noisy["level"].value
    manifest = json.loads(store.manifest_path.read_text())
    assert manifest["sessions"][0]["versions"]["sebench-example"] == "1.2.3"


def test_it_is_listed_with_its_origin_and_options(installed: Path, tmp_path: Path) -> None:
    lines = bench(installed, tmp_path, "list", "methods").stdout.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("spectral_gate"))
    assert "sebench-example" in lines[index]
    assert lines[index + 1].strip() == "threshold: 0.05"


def test_a_typo_in_its_name_is_answered_with_it(installed: Path, tmp_path: Path) -> None:
    done = bench(installed, tmp_path, "run", "methods=[spectral_gaet]")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["bench: unknown method 'spectral_gaet': did you mean 'spectral_gate'?"]


def test_it_keeps_the_protocol(installed: Path, tmp_path: Path) -> None:
    done = bench(installed, tmp_path, "check", "method=spectral_gate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("spectral_gate (sebench-example), ") and done.stdout.count("\n  ok ") == 5
