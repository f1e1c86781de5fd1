"""Data, weights and runs at URLs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import fsspec
import pandas as pd
import pytest

from bench.commands.leaderboard import leaderboard
from bench.conf.compose import compose
from bench.core.errors import UserError
from bench.run import benchmark
from bench.run.benchmark import run
from bench.run.forecast import forecast
from results.store.find import find_run
from results.store.folder import Store
from results.store.remote import Remote, runs_folder
from results.store.rows import Key, Row
from tests.conftest import ROOT
from tests.results.conftest import make_row

Config = Callable[..., dict[str, Any]]
RUNS = "memory://bucket/runs"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Continue on another machine, which has a cache of its own."""

    def other(name: str) -> None:
        monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / f"cache of {name}"))

    other("a")
    return other


@pytest.fixture
def memory(machine: object) -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def untimed(folder: Path) -> dict[Key, Row]:
    return {key: replace(row, enhance_seconds=None) for key, row in Store(folder).rows().items()}


def test_data_at_a_url_give_the_rows_of_data_here(config: Config, recordings: Path, memory: Any) -> None:
    here = untimed(run(config()).folder)
    memory.put(str(recordings), "/bucket/talk", recursive=True)
    assert untimed(run(config(run="there", datasets=["memory://bucket/talk"])).folder) == here
    results = {"name": "precomputed", "dir": "memory://bucket/talk/noisy", "label": "noisy"}
    theirs = untimed(run(config(run="theirs", methods=[results])).folder)
    assert [row.scores for row in theirs.values()] == [row.scores for key, row in here.items() if key.method == "noisy"]
    manifest = Store(find_run("theirs", Path(config()["runs_dir"]))).read_manifest()
    assert manifest and manifest["methods"]["noisy"]["options"] == {"dir": "memory://bucket/talk/noisy"}


def test_a_list_at_a_url_names_files_beside_it_and_elsewhere(config: Config, recordings: Path, memory: Any) -> None:
    memory.put(str(recordings), "/bucket/talk", recursive=True)
    memory.cp("/bucket/talk/noisy/clip1.wav", "/else/where.wav")
    lines = ["id,noisy,clean", "a,talk/noisy/clip0.wav,talk/clean/clip0.wav"]
    lines += ["b,memory://else/where.wav,talk/clean/clip1.wav", "c,talk/noisy/none.wav,"]
    memory.pipe("/bucket/list.csv", "\n".join(lines).encode())
    result = run(config(datasets=["memory://bucket/list.csv"], methods=["noisy"]))
    assert list(result.failures.values()) == ["memory://bucket/talk/noisy/none.wav: no such file or folder"]
    rows = {key.utterance: row for key, row in untimed(result.folder).items()}
    here = {key.utterance: row for key, row in untimed(run(config(run="here", methods=["noisy"])).folder).items()}
    assert [rows[name].scores for name in "ab"] == [here[name].scores for name in ("clip0", "clip1")]


def test_weights_at_a_url(config: Config, memory: Any) -> None:
    memory.put(str(ROOT / "methods/embedded/ncsnpp_m.safetensors"), "/bucket/mine.safetensors")
    kept = {"methods": ["ncsnpp_m"], "limit": 1, "measure_cost": False}
    there = untimed(run(config(**kept, checkpoint="memory://bucket/mine.safetensors")).folder)
    assert there == untimed(run(config(**kept, run="here")).folder)


def test_a_run_at_a_url_goes_on_elsewhere(config: Config, machine: Callable[[str], None], memory: Any) -> None:
    first = run(config(runs_dir=RUNS, limit=3))
    names = {path.removeprefix("/bucket/runs/test/") for path in memory.find("/bucket/runs/test")}
    assert {"manifest.json", "leaderboard.csv", "rows.csv"} <= names and "rows.jsonl" not in names
    assert sum(name.startswith("rows/") for name in names) == 1 == sum(name.endswith("000.jsonl") for name in names) + 1
    assert sum(name.startswith("audio/") for name in names) == 6
    assert not any(part.startswith(".") for name in names for part in name.split("/"))

    machine("b")
    assert forecast(config(runs_dir=RUNS)).asked == 12
    told = run(config(runs_dir=RUNS, metrics=["si_sdr", "lsd"], limit=3))
    assert (told.asked, told.computed) == (6, 6) and told.folder != first.folder
    rows = Store(told.folder).rows()
    before = Store(first.folder).rows()
    for key, row in rows.items():  # scored from the audio that is there, not enhanced again
        assert row.enhance_seconds == before[key].enhance_seconds and row.scores.keys() == {"si_sdr", "lsd"}
    assert run(config(runs_dir=RUNS)).computed == 6

    machine("c")
    folder = leaderboard([f"{RUNS}/test"], {**compose("leaderboard", []), "plots": False})
    assert pd.read_csv(folder / "leaderboard.csv")["utterances"].tolist() == [6, 6]
    assert untimed(folder) == untimed(find_run("test", Path(told.folder).parent))
    assert not (folder / "audio").exists()
    assert len(list((find_run(f"{RUNS}/test", folder, audio=True) / "audio").rglob("*.wav"))) == 12
    sessions = (Store(folder).read_manifest() or {})["sessions"]
    assert len(sessions) == 3
    with pytest.raises(UserError, match=f"^unknown run in {RUNS} 'tets': did you mean 'test'"):
        find_run(f"{RUNS}/tets", folder)


def test_two_machines_at_once_lose_nothing(config: Config, machine: Callable[[str], None], memory: Any) -> None:
    """Each has sent its rows under names of its own; whoever comes next has them all."""
    one = run(config(runs_dir=RUNS, methods=["noisy"]))
    parts = set(memory.ls("/bucket/runs/test/rows", detail=False))
    memory.mv("/bucket/runs/test", "/bucket/aside", recursive=True)
    machine("b")
    run(config(runs_dir=RUNS, methods=["toy_diffusion"]))
    for part in parts:
        memory.mv(part.replace("runs/test", "aside"), part)
    machine("a")
    both = run(config(runs_dir=RUNS))
    assert (both.asked, both.computed) == (12, 0) and both.folder == one.folder
    machine("c")
    assert run(config(runs_dir=RUNS)).computed == 0


def test_what_a_killed_session_has_not_sent(
    config: Config, machine: Callable[[str], None], memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Remote, "send_new", lambda self: None)
        patch.setattr(Remote, "send_tables", lambda self: None)
        run(config(runs_dir=RUNS, keep_audio="none"))
    assert not memory.exists("/bucket/runs/test/rows")
    machine("b")
    assert run(config(runs_dir=RUNS, keep_audio="none", limit=2)).computed == 4
    machine("a")
    assert run(config(runs_dir=RUNS, keep_audio="none")).computed == 0
    machine("c")
    assert run(config(runs_dir=RUNS, keep_audio="none")).computed == 0


def test_rows_are_stored_after_those_that_were_brought(machine: Callable[[str], None], memory: Any) -> None:
    """Also where a killed writer has left the beginning of a row, or a row without its newline."""
    left = {"a": b"", "b": b'{"schema": 2, "key"', "c": make_row("c1").to_json().encode(), "d": b""}
    for name, tail in left.items():
        machine(name)
        folder = runs_folder(RUNS) / "test"
        folder.mkdir()
        (folder / "rows.jsonl").write_bytes(tail)
        with Store(folder) as store:
            assert store.remote is not None
            store.pull()
            store.append(make_row(name))
            store.remote.send_new()
    assert [key.utterance for key in Store(folder).rows()] == ["a", "b", "c1", "c", "d"]


def test_a_manifest_that_was_not_sent_whole_is_sent_again(
    config: Config, machine: Callable[[str], None], memory: Any
) -> None:
    run(config(runs_dir=RUNS, limit=1))
    whole = memory.cat("/bucket/runs/test/manifest.json")
    memory.pipe("/bucket/runs/test/manifest.json", whole[:100])
    run(config(runs_dir=RUNS, limit=2))
    machine("b")
    assert len((Store(find_run(f"{RUNS}/test", Path("here"))).read_manifest() or {})["sessions"]) == 2


def test_a_url_that_fails_during_a_run_costs_nothing(
    config: Config, memory: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionResetError("the line broke")

    monkeypatch.setattr("results.store.remote.SECONDS", 0.01)
    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"cannot be used \(the line broke\)"):
        patch.setattr(memory, "pipe_file", refuse)
        run(config(runs_dir=RUNS, keep_audio="none"))
    assert "results are kept in" in capsys.readouterr().err
    assert run(config(runs_dir=RUNS, keep_audio="none")).computed == 0
    assert memory.exists("/bucket/runs/test/leaderboard.csv")


def test_rows_are_sent_while_a_run_goes_on(config: Config, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("results.store.remote.SECONDS", 0.01)
    collect, seen = benchmark.collect, list[int]()

    def slowly(*arguments: Any) -> None:
        collect(*arguments)
        for _ in range(500):
            if memory.exists("/bucket/runs/test/rows"):
                break
            sleep(0.01)
        seen.append(len(memory.find("/bucket/runs/test/rows")))

    monkeypatch.setattr(benchmark, "collect", slowly)
    run(config(runs_dir=RUNS))
    assert max(seen) > 0
    assert b"".join(memory.cat(sorted(memory.find("/bucket/runs/test/rows"))).values()).count(b"\n") == 12


def test_a_folder_of_a_run_that_somebody_copied_there_is_read(config: Config, memory: Any) -> None:
    made = run(config()).folder
    memory.put(str(made), "/bucket/theirs", recursive=True)
    assert untimed(find_run("memory://bucket/theirs", made)) == untimed(made)


@pytest.mark.slow
def test_machines_of_a_cluster_share_nothing_but_the_urls(
    config: Config, recordings: Path, tmp_path: Path, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have caches, and working folders, of their own."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    methods = [{"name": "ncsnpp_m", "checkpoint": "weights.safetensors"}, "noisy"]
    shutil.copy(ROOT / "methods/embedded/ncsnpp_m.safetensors", tmp_path / "weights.safetensors")
    monkeypatch.chdir(tmp_path)
    kept = {"measure_cost": False, "metrics": ["si_sdr"]}
    here = untimed(run(config(run="here", methods=methods, **kept)).folder)
    methods[0] = {"name": "ncsnpp_m", "checkpoint": f"file://{tmp_path}/weights.safetensors"}
    machine("nodes")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    try:
        machine("driver")
        made = run(
            config(
                **{"methods": methods, "datasets": [f"file://{recordings}"], "runs_dir": f"file://{tmp_path}/bucket"},
                **{"ray_address": cluster.address, "workers": 2, **kept},
            )
        )
    finally:
        cluster.shutdown()
    assert untimed(made.folder) == here
    for cache in ("cache of driver", "cache of nodes"):
        names = {path.parent.name.rpartition("%2F")[2] for path in (tmp_path / cache / "urls").glob("*/*")}
        assert {"talk", "weights.safetensors"} <= names
    machine("later")
    assert untimed(find_run(f"file://{tmp_path}/bucket/test", tmp_path)) == here
