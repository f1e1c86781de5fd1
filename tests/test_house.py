"""Who may import whom, read from the syntax tree. CONTRIBUTING.md has the picture."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "bench.core": set[str](),
    "bench.datasets": {"bench.core"},
    "methods": {"bench.core"},
    "metrics": {"bench.core"},
    "results": {"bench.core"},
    "listening_test": {"bench.core", "results"},
    "bench": {"bench.core", "bench.datasets", "methods", "metrics", "results", "listening_test"},
}
"""Each room and the other rooms it may import; "bench" is what is left of it without its own rooms."""

PACKAGES = {room.partition(".")[0] for room in MAY_IMPORT}
HEAVY = {
    "torch",
    "lightning",
    "ray",
    "pandas",
    "seaborn",
    "matplotlib",
    "scipy",
    "librosa",
    "onnx",
    "onnxruntime",
    "hydra",
}


def read_house() -> dict[str, str]:
    """Every module's dotted name and its source; a package is named by its ``__init__``."""
    paths = (path for package in sorted(PACKAGES) for path in (ROOT / package).rglob("*.py"))
    return {name_of(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def name_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports(source: str, house: Mapping[str, str]) -> Iterator[str]:
    """The modules that ``source`` imports, at its top or within functions; ours down to the module itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are absolute here"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in house else node.module


def room_of(module: str) -> str | None:
    """The innermost room that ``module`` is in; None for other people's modules."""
    rooms = [room for room in MAY_IMPORT if f"{module}.".startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def violations(house: Mapping[str, str]) -> list[str]:
    """Imports that cross a wall."""
    found = []
    for module, source in house.items():
        room = room_of(module)
        assert room is not None
        for imported in imports(source, house):
            other = room_of(imported)
            if other is None:
                wrong = imported.partition(".")[0] == "tests" or (
                    imported.partition(".")[0] == "ray" and module != "bench.run.cluster"
                )
            else:
                wrong = other != room and other not in MAY_IMPORT[room]
            if wrong:
                found.append(f"{module} imports {imported}")
    return found


def cycle(house: Mapping[str, str]) -> list[str] | None:
    """Modules that import each other in a ring, if there are any."""
    graph = {module: set(imports(source, house)) & house.keys() - {module} for module, source in house.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def test_nobody_imports_through_a_wall():
    assert violations(read_house()) == []


def test_nothing_imports_in_a_ring():
    assert cycle(read_house()) is None


def test_the_whole_house_was_read():
    house = read_house()
    assert {room_of(module) for module in house} == set(MAY_IMPORT)
    assert {"bench", "bench.core.types", "bench.datasets.paired_folder", "methods.storm"} <= house.keys()
    assert "ray" in imports(house["bench.run.cluster"], house)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bench.core.x", "from bench.run.settings import Settings"),
        ("bench.core.x", "import methods"),
        ("bench.datasets.x", "def f():\n    from methods.base import create"),
        ("bench.datasets.x", "from bench import run"),
        ("methods.x", "import metrics.base"),
        ("methods.training.x", "from bench.datasets.base import Dataset"),
        ("metrics.x", "from results.store.rows import Row"),
        ("results.x", "from bench import run"),
        ("results.x", "if TYPE_CHECKING:\n    import methods.base as base"),
        ("listening_test.x", "from metrics import create"),
        ("methods.x", "import ray"),
        ("bench.run.benchmark", "from ray.util import ActorPool"),
        ("bench.run.benchmark", "from tests.conftest import ROOT"),
    ],
)
def test_a_wall_that_is_crossed_is_noticed(module, source):
    house = {"bench.run.benchmark": "", module: source}
    assert len(violations(house)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("methods.x", "from bench.core import types\nimport torch, bench.core.audio"),
        ("methods.x", "from methods.base import Method"),
        ("listening_test.x", "from results.store.rows import Row"),
        ("bench.x", "from bench.datasets.base import Dataset\nfrom listening_test import select"),
        ("bench.run.cluster", "import ray"),
        ("results.x", "import benchmarks, raylib"),
    ],
)
def test_open_doors_are_left_alone(module, source):
    assert violations({module: source}) == []


def test_a_ring_is_noticed():
    house = {"methods.a": "from methods import b", "methods.b": "def f():\n    import methods.c", "methods.c": ""}
    assert cycle(house) is None
    ring = cycle({**house, "methods.c": "from methods.a import x"})
    assert ring is not None
    assert set(ring) == {"methods.a", "methods.b", "methods.c"}


def test_help_imports_nothing_heavy():
    code = "import sys, bench.__main__ as cli; cli.main(['--help']); cli.main(['run', '--help']); print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = printed.splitlines()[-1].split()
    assert "bench.__main__" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_the_picture_shows_the_house_as_it_is():
    picture = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[3]
    shown = set(drawn_paths(picture.strip("\n").splitlines()))
    assert [path for path in sorted(shown) if not (ROOT / path).exists()] == []
    folders = {name.replace(".", "/") for name in read_house() if (ROOT / name.replace(".", "/")).is_dir()}
    assert folders - shown == set()


@pytest.mark.parametrize(
    "room", ["bench/core", "bench/run", "bench/train", "methods", "results/store", "results/views"]
)
def test_the_picture_names_every_file_of_a_room(room: str):
    picture = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[3]
    files = {path.name for path in (ROOT / room).glob("*.py")} - {"__init__.py"}
    assert files - set(re.findall(r"\w+\.py", picture)) == set()


def drawn_paths(lines: list[str]) -> Iterator[str]:
    """The paths in a picture of folders: an indented name lies in the last folder above it."""
    parents: list[str] = []
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        names = line.split("  ")[depth:][0].split(", ")
        for name in names:
            yield "/".join([*parents[:depth], name.rstrip("/")])
        parents[depth:] = [names[0].rstrip("/")]
