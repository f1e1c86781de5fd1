"""What a run would cost is told before it is paid, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.core.errors import UserError
from bench.run.benchmark import run
from bench.run.cluster import Pool
from bench.run.forecast import Calibrated, Forecast, forecast

Config = Callable[..., dict[str, Any]]


def test_cells_calls_and_disk_are_those_of_the_run(config: Config) -> None:
    settings = config(methods=["noisy", "toy_diffusion"], steps=[2, 5], dry_run=True)
    found = forecast(settings)
    assert (found.asked, found.enhance, found.score) == (18, 18, 0)
    assert {system: (count, tried.calls) for system, (count, tried) in found.systems.items()} == {
        ("noisy", None): (6, 0),
        ("toy_diffusion", 2): (6, 2),
        ("toy_diffusion", 5): (6, 5),
    }
    assert found.bytes > 18 * 0.6 * 16000 * 4
    assert not Path(settings["runs_dir"]).exists()
    with pytest.raises(UserError, match="dry_run"):
        run(settings)


def test_what_is_stored_is_not_counted_again(config: Config) -> None:
    folder = run(config(methods=["toy_diffusion"], limit=4)).folder
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    found = forecast(config(methods=["toy_diffusion"], metrics=["si_sdr", "stoi"]))
    assert (found.asked, found.enhance, found.score) == (6, 2, 4)
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_everything_that_is_missing_is_named_at_once(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = "methods=[noisy,{name: storm, checkpoint: no/such.ckpt},{name: precomputed, dir: nowhere, label: his}]"
    common = ["run", f"runs_dir={tmp_path}", "metrics=[si_sdr]", "workers=0", "dry_run=true"]
    assert main([*common, methods, f"datasets=[{recordings}]"]) == 2
    text = capsys.readouterr().out
    assert "6 cells asked for: 0 stored, 6 to enhance and score" in text
    assert "missing: method 'storm': no/such.ckpt" in text
    assert "missing: method 'his':" in text and "nowhere" in text
    assert "time: about" in text and "disk: about" in text
    assert main([*common, "methods=[noisy]", f"datasets=[{recordings}]"]) == 0


def test_a_plugin_that_fails_is_not_tried_for_ever(config: Config) -> None:
    toy = {"name": "toy_diffusion", "fail_on": "clip0"}
    found = forecast(config(methods=[toy], metrics=[{"name": "toy_metric", "broken": True}]))
    assert found.enhance == 6


def test_two_pools_work_side_by_side() -> None:
    work = {"enhancing": 100.0, "scoring": 30.0, "systems": {("m", None): (1, Calibrated(1, 0.5))}}
    assert Forecast(**work, pool=Pool(workers=2, scorers=3)).seconds == 50
    assert Forecast(**work, pool=Pool(workers=2)).seconds == 65
    assert Forecast(**work, pool=Pool(workers=0)).seconds == 130
