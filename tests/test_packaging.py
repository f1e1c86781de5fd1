"""A wheel built from the tree holds what it needs to work outside it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import __version__

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bench", "methods", "metrics", "results", "listening_test")


def run(*command: object, cwd: Path, **environment: str) -> str:
    """The command's standard output; its failure shows both streams."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel is built from, without the leftovers of earlier builds."""
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "runs", ".*"))
    shutil.copytree(ROOT / "tests" / "core", copy / "tests" / "core")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    for module in ("build", "setuptools"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed (it is in the extra 'dev')")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tree / "dist", tree, cwd=tree)
    (built,) = (tree / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel, cwd=target)
    return target


def test_wheel_holds_every_file_of_the_packages_and_nothing_else(tree: Path, wheel: Path):
    expected = {
        path.relative_to(tree).as_posix()
        for package in PACKAGES
        for path in (tree / package).rglob("*")
        if path.is_file()
    }
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected


def test_no_source_is_ignored_by_git():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = run("git", "ls-files", "--others", "--ignored", "--exclude-standard", "--", *PACKAGES, cwd=ROOT)
    made = re.compile(r".*/__pycache__/.*|results/(runs|leaderboards)/.*|[a-z_]+\.egg-info/.*")
    assert [path for path in listed.splitlines() if not made.fullmatch(path)] == []


def test_wheel_holds_configurations_weights_and_demo_recordings(wheel: Path):
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {"bench/conf/train.yaml", "bench/conf/method/storm.yaml", "bench/conf/experiment/small.yaml"} <= held
    assert {f"methods/embedded/{name}.safetensors" for name in ("ncsnpp_m", "sgmse_m", "refinement", "storm")} <= held
    assert sum(name.startswith("bench/datasets/demo_data/") and name.endswith(".flac") for name in held) >= 2 * (
        32 + 48
    )
    assert f"sebench-{__version__}.dist-info/licenses/LICENSE" in held


def test_wheel_is_small(wheel: Path):
    assert wheel.stat().st_size < 40e6


def test_installed_wheel_runs_the_demo_in_another_folder(installed: Path, tmp_path: Path):
    code = "import bench, sys; from bench.__main__ import main; print(bench.__file__); sys.exit(main(sys.argv[1:]))"
    order = ["run", "run=once", "methods=[noisy,ncsnpp_m]", "metrics=[si_sdr]", "limit=1", "workers=0", "device=cpu"]
    printed = run(sys.executable, "-c", code, *order, cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(printed.splitlines()[0]) == installed / "bench" / "__init__.py"
    assert (tmp_path / "results" / "runs" / "once" / "leaderboard.csv").read_text().count("\n") == 3


def test_installed_wheel_has_its_version_and_command(installed: Path, tmp_path: Path):
    code = "from importlib.metadata import version; print(version('sebench'))"
    assert run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(installed)).strip() == __version__
    assert "usage: bench" in run(sys.executable, installed / "bin" / "bench", cwd=tmp_path, PYTHONPATH=str(installed))


EXTRAS = re.findall(
    r"^(\w+) = \[",
    (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("\n[")[0],
    re.MULTILINE,
)


@pytest.mark.slow
@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_resolves_under_the_constraints(extra: str, tree: Path) -> None:
    constraints = ("--constraint", ROOT / "constraints.txt", "--build-constraint", ROOT / "constraints.txt")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", *constraints, f"{tree}[{extra}]", cwd=tree)
