"""A third party's package is installed and used through ``bench``, by workers too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.conf.compose import compose
from bench.core import audio
from bench.core.errors import UserError
from bench.datasets.base import DATASETS
from bench.train.model import untrained
from bench.train.settings import check
from methods.backbones import BACKBONES
from methods.base import METHODS
from methods.diffusion.parametrization import PARAMETRIZATIONS
from methods.diffusion.paths import PATHS
from methods.diffusion.samplers import CORRECTORS, PREDICTORS, SAMPLERS
from metrics.base import METRICS
from results.store.folder import Store
from tests.bench.conftest import RATE, noise, speechlike
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
        "measure_cost=false",
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


@pytest.mark.slow
def test_rows_of_edited_code_are_not_taken_for_its_own(installed: Path, tmp_path: Path) -> None:
    """The same run is refused; with a baseline, every call has a run of its own."""
    site = shutil.copytree(installed, tmp_path / "site")
    asked = ["run", "datasets=[{name: chirps, count: 2}]", "metrics=[si_sdr]", "workers=0", "measure_cost=false"]
    loop = ["run", "method=spectral_gate", "data=small", "baseline=base", "workers=0", "measure_cost=false"]
    assert bench(site, tmp_path, *asked, "methods=[noisy,spectral_gate]", "run=base").returncode == 0
    assert bench(site, tmp_path, *loop).returncode == 0
    for module in (site / "sebench_example").glob("*.py"):
        module.write_text(module.read_text().replace("threshold: float = 0.05", "threshold: float = 0.9"))
    again = bench(site, tmp_path, *asked, "method=spectral_gate", "run=base")
    assert again.returncode == 2 and "method 'spectral_gate' were computed with another code_sha256" in again.stderr
    assert bench(site, tmp_path, *loop).returncode == 0
    told = bench(site, tmp_path, "compare", "spectral_gate-1", "spectral_gate-2").stdout.splitlines()
    assert any(line.startswith("method spectral_gate: provenance.code_sha256") for line in told)
    assert not any(line.endswith("same") for line in told)


@pytest.fixture
def on_path(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is there for this process too, where torch and the like are imported already; no trace is left."""
    for registry in (METHODS, PATHS, SAMPLERS, BACKBONES, PARAMETRIZATIONS, PREDICTORS, CORRECTORS, METRICS, DATASETS):
        for name in registry.names():  # a module registers its names once: when it is first imported
            with suppress(UserError):
                registry.get(name)
        monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.chdir(tmp_path)


def test_its_diffusion_method_is_trained_checked_and_run(
    on_path: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a path, a sampler, a backbone and a loss of its own, in one Python file and one YAML."""
    for index in range(12):
        clean = speechlike(0.6, index)
        audio.write(tmp_path / f"speech/speaker{index}/a.wav", clean, RATE)
        audio.write(tmp_path / f"noise/n{index}.wav", noise(clean.size, index), RATE)
    train = ["train", "method=straight", "dataset.speech_dirs=[speech]", "dataset.noise_dirs=[noise]"]
    train += ["dataset.real_share=1", "dataset.reverb_share=0", "frames=32", "batch_size=2", "accumulate=1"]
    train += ["max_steps=6", "log_every=3", "valid_every=3", "valid_size=4", "workers=0", "devices=1"]
    train += ["method.channels=4", "scores.recordings=1", "scores.metrics=[si_sdr]", "out=mine", "optimiser.lr=1e-2"]
    method = "{name: straight, checkpoint: mine/weights.safetensors}"
    run = ["run", f"methods=[noisy,{method}]", "datasets=[{name: chirps, count: 2}]", "metrics=[si_sdr]"]
    run += ["steps=[2,5]", "workers=0", "run=mine"]
    for command in (train, ["check", f"method={method}", "device=cpu"], run):
        assert main(command) == 0
    assert capsys.readouterr().out.count("\n  ok ") == 5
    card = (tmp_path / "mine/weights.md").read_text()
    for said in ("score: convolutions {'channels': 4", "| channels | 4 |", "Straight(sigma=0.1)", "predicts clean"):
        assert said in card, said
    header = (tmp_path / "mine/log.csv").read_text().splitlines()[0]
    assert "train_magnitudes" in header and "valid_complex" in header and "valid_si_sdr" in header
    rows = Store(tmp_path / "results/runs/mine").rows()
    calls = {(key.steps, row.nfe) for key, row in rows.items() if key.method == "straight"}
    assert calls == {(2, 2), (5, 5)} and all(row.status == "ok" for row in rows.values())


def test_its_backbone_is_a_network_for_our_methods(on_path: None) -> None:
    config = compose("train", ["method=storm", "network=convolutions", "network.channels=6"])
    check(config)
    model = untrained(config)
    assert {size["backbone"] for size in model.sizes.values()} == {"convolutions"}
    assert [model.sizes["score"][name] for name in ("channels", "inputs", "conditional")] == [6, 3, True]
    made = METHODS.create("storm", checkpoint=model, device="cpu").enhance(noise(2000), RATE, 3, 0)
    assert made.nfe == 4 and made.estimate is not None


def test_typos_in_what_it_brings_are_answered_with_it(on_path: None, capsys: pytest.CaptureFixture[str]) -> None:
    answers = {
        "method=straigth": "did you mean 'straight'",
        "method.sde.name=straigth": "method.sde: unknown sde 'straigth': did you mean 'straight'",
        "method.sampler.sampler=eluer": "unknown sampler for the SDE straight: 'eluer': did you mean 'euler'",
        "method.magnitudes=-1": "method.magnitudes: a number from 0; got -1",
        "method.chanels=3": "did you mean 'channels'",
    }
    for key, answer in answers.items():
        assert main(["train", *([] if key.startswith("method=") else ["method=straight"]), key]) == 2
        assert answer in capsys.readouterr().err


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
