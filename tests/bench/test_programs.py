"""``command`` in a run: folders, several workers through Ray, programs that fail, and results that are kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.run.benchmark import run
from results.store.folder import Store
from results.store.rows import Row

Config = Callable[..., dict[str, Any]]

ENHANCE = """
import sys, soundfile
from pathlib import Path
noisy, enhanced, log, steps, seed = sys.argv[1:]
files = sorted(Path(noisy).glob("*.wav")) if Path(noisy).is_dir() else [Path(noisy)]
open(log, "a").write(f"{len(files)} ")
for file in files:
    x, rate = soundfile.read(file, dtype="float32")
    if abs(x[0] - 0.0625) < 1e-6:
        sys.exit("it does not like this one")
    target = Path(enhanced) / file.name if Path(enhanced).is_dir() else Path(enhanced)
    soundfile.write(target, x * (1 + int(steps or 0) / 100), rate, subtype="FLOAT")
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def theirs(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    script = tmp_path / "enhance.py"
    script.write_text(ENHANCE)
    places = f"{{noisy}} {{enhanced}} {tmp_path / 'calls'} {{steps}} {{seed}}"
    run_ = f"{sys.executable} {script} {places}"
    return lambda **options: {"name": "command", "label": "theirs", "run": run_, "folder": str(tmp_path), **options}


def calls(folder: Path) -> list[int]:
    counts = [int(word) for word in (folder / "calls").read_text().split()]
    (folder / "calls").unlink()
    return counts


def rows(config: dict[str, Any]) -> list[Row]:
    return sorted(Store(run(config).folder).rows().values(), key=lambda row: row.key)


def test_a_folder_is_one_call_for_each_number_of_steps_and_seed(
    config: Config, theirs: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    found = rows(config(methods=[theirs(mode="folder")], steps=[3, 5], seeds=[0, 1]))
    assert calls(tmp_path) == [6, 6, 6, 6]
    assert len(found) == 24 and all(row.status == "ok" and row.enhance_seconds for row in found)
    run(config(methods=[theirs(mode="folder")], steps=[3, 5], seeds=[0, 1], run="again"))
    assert not (tmp_path / "calls").exists()
    run(config(methods=[theirs(mode="folder", batch=4, reuse=True)], steps=[3], seeds=[2], run="batches"))
    assert calls(tmp_path) == [4, 2]


def test_what_fails_costs_its_own_row(
    config: Config, recordings: Path, theirs: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    from bench.core import audio

    path = recordings / "noisy" / "clip3.wav"
    noisy, rate = audio.read(path)
    noisy[0] = 0.0625
    audio.write(path, noisy, rate)
    for mode in ("file", "folder"):
        found = {row.key.utterance: row for row in rows(config(methods=[theirs(mode=mode)], run=mode))}
        assert {name: row.status for name, row in found.items()} == {
            f"clip{index}": "error" if index == 3 else "ok" for index in range(6)
        }
        assert found["clip3"].reason == "command: ended with status 1: it does not like this one"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["file", "folder"])
def test_several_workers_call_it_too(
    mode: str, config: Config, theirs: Callable[..., dict[str, Any]], ray: None
) -> None:
    found = rows(config(methods=[theirs(mode=mode)], workers=2))
    assert [row.status for row in found] == 6 * ["ok"]


def test_a_check_is_not_answered_from_the_cache(
    theirs: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "draws.py"
    script.write_text(
        "import sys, numpy, soundfile\nx, rate = soundfile.read(sys.argv[1], dtype='float32')\n"
        "soundfile.write(sys.argv[2], x + numpy.random.default_rng().normal(size=x.size), rate, subtype='FLOAT')\n"
    )
    entry = f"{{name: command, run: '{sys.executable} {script} {{noisy}} {{enhanced}}', sample_rate: 8000}}"
    assert main(["check", f"method={entry}"]) == 1
    assert "the same seed gives two outputs" in capsys.readouterr().out
