"""Enhancement and scoring in pools of their own: neither waits for the other, and neither takes the other down."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import psutil
import pytest

from bench.core.errors import Unfinished, UserError
from bench.run import cell
from bench.run.assembly import assembled
from bench.run.benchmark import run
from bench.run.cell import CellFlow
from bench.run.cluster import Pool
from bench.run.flows import Call, Crew, Flow, Reply, WorkerDied
from bench.run.outcome import Item, Limits, Outcome, Sizes
from bench.run.parallel import map_flows
from bench.run.plan import Cell, keys
from bench.run.pools import UNDER_WAY
from bench.run.settings import Settings
from bench.run.worker import Worker
from results.store.folder import Store
from results.store.rows import Key, Row
from tests.bench.crews import Judge, Maker, Together
from tests.conftest import ROOT

Config = Callable[..., dict[str, Any]]


def untimed(folder: Path) -> dict[Key, Row]:
    return {key: replace(row, enhance_seconds=None) for key, row in Store(folder).rows().items()}


def flow(item: int, together: bool) -> Flow[tuple[Reply, Reply]]:
    made = yield Call("makers", "make", (item,), signals=1)
    judged = yield Call("judges", "judge", made.signals)
    return made, judged


CREWS = {"makers": Crew(Maker), "judges": Crew(Judge, size="scorers", otherwise="makers")}


@pytest.mark.usefixtures("ray")
def test_signals_go_from_pool_to_pool_and_the_driver_has_only_handles() -> None:
    results = dict(map_flows(range(8), flow, CREWS, Pool(workers=1, scorers=1)))
    assert {item: judged.value[1] for item, (_, judged) in results.items()} == {n: float(n) for n in range(8)}
    pids = {made.value for made, _ in results.values()} | {judged.value[0] for _, judged in results.values()}
    assert len(pids) == 2 and os.getpid() not in pids
    assert not any(isinstance(signal, np.ndarray) for made, _ in results.values() for signal in made.signals)


@pytest.mark.usefixtures("ray")
def test_no_more_items_are_read_than_are_under_way() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        while read < 100:
            read += 1
            yield read

    for done, _ in enumerate(map_flows(items(), flow, CREWS, Pool(workers=1, scorers=1)), start=1):
        assert read - done <= UNDER_WAY * 2
    assert read == 100


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_the_driver_does_not_grow_with_the_number_of_items() -> None:
    """Each item's signal has 800 kB; 4000 of them are 3.2 GB."""
    driver, early = psutil.Process(), 0
    for done, _ in enumerate(map_flows(range(4000), flow, CREWS, Pool(workers=1, scorers=1)), start=1):
        if done == 500:
            early = driver.memory_info().rss
    assert driver.memory_info().rss - early < 32 * 2**20


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_two_pools_give_the_rows_and_audio_of_a_serial_run(config: Config) -> None:
    changes = {"metrics": ["si_sdr", "estimate_distance"], "methods": ["noisy", "toy_diffusion", "toy_two_stages"]}
    serial, pools = run(config(run="serial", **changes)), run(config(run="p", workers=1, scorers=1, **changes))
    assert untimed(serial.folder) == untimed(pools.folder)
    one, other = Store(serial.folder), Store(pools.folder)
    for key in untimed(serial.folder):
        assert one.audio_path(key).read_bytes() == other.audio_path(key).read_bytes()
    again = {"metrics": ["stoi"], "methods": ["toy_diffusion"]}
    assert run(config(run="p", workers=1, scorers=1, **again)).computed == 6
    assert all(row.scores["stoi"].value is not None for key, row in untimed(pools.folder).items() if key.steps)


def taken_through(flow: Flow[Any], *values: Any) -> tuple[list[str], Any]:
    """The calls of a flow that is sent these values, and its result."""
    calls = [next(flow).method]
    with pytest.raises(StopIteration) as end:
        for value in values:
            call = flow.send(Reply(value, (None, None)))
            calls.append(call.method)
    return calls, end.value.value


@pytest.mark.parametrize("together", [True, False])
def test_audio_that_is_lost_before_it_is_stored_is_made_again(config: Config, together: bool) -> None:
    settings = Settings.of(config(methods=["toy_diffusion"], limit=1))
    there = assembled(settings, "cpu")
    item = Item(Cell(keys(settings, there)[0], ("si_sdr",)))
    made = Outcome(Row(item.cell.key, "generative", "ok", sample_rate=16000), enhanced=True)
    gone = WorkerDied("the machine is gone", "", lost=True)
    first = "whole" if together else "enhance"
    flow = CellFlow(there, lambda _: True, Limits())
    calls, outcome = taken_through(flow(item, together), made, gone, made, "", *([] if together else [made]))
    assert calls == [first, "write", first, "write", *([] if together else ["score"])]
    assert outcome == made
    with pytest.raises(Unfinished, match=r"^keep_audio: it died, while it stored audio; .* same command continues"):
        taken_through(flow(item, together), made, WorkerDied("it died", ""))
    with pytest.raises(UserError, match=r"^disk full$"):
        taken_through(flow(item, together), made, "disk full")


def test_what_is_built_is_not_sent_to_workers(config: Config) -> None:
    there = assembled(Settings.of(config()), "cpu")
    there._built["method", "noisy"] = Lock()  # as a session of ONNX Runtime, it cannot be sent
    sent = pickle.loads(pickle.dumps(there))
    assert sent.methods.keys() == there.methods.keys() and sent.device == "cpu"
    assert sent.method("noisy").paradigm == "control"


SCORES_ALONE = """
import pickle, sys
import numpy as np
worker, item, row = pickle.load(open(sys.argv[1], "rb"))
audio = worker._scorer.recording(row.key).noisy
outcome = worker.score(item, row, ["si_sdr", "pesq"], audio)
assert all(score.value is not None for score in outcome.row.scores.values()), outcome
assert "torch" not in sys.modules
"""


def test_who_only_scores_never_imports_torch(config: Config, tmp_path: Path) -> None:
    """It is sent methods too, but by name: their modules import torch, which takes longer than all the rest."""
    settings = Settings.of(config(methods=["ncsnpp_m"], metrics=["si_sdr", "pesq"], limit=1))
    there = assembled(settings, "cpu")
    item = Item(Cell(keys(settings, there)[0], ("si_sdr", "pesq"), enhance=False))
    row = Row(item.cell.key, "predictive", "ok", sample_rate=16000)
    sent = tmp_path / "sent"
    sent.write_bytes(pickle.dumps((Worker(there, 1, Limits(), Sizes()), item, row)))
    subprocess.run([sys.executable, "-c", SCORES_ALONE, str(sent)], cwd=ROOT, check=True)


def grouped(item: int, together: bool) -> Flow[Reply]:
    return (yield Call("makers", "one", (item,), signals=1, group=item % 2, many="several"))


@pytest.mark.usefixtures("ray")
def test_calls_of_a_group_go_together_and_one_that_kills_costs_only_itself() -> None:
    results = dict(map_flows(range(24), grouped, {"makers": Crew(Together, together=4)}, Pool(workers=1)))
    sizes = {item: reply.value for item, reply in results.items()}
    assert sorted(sizes) == list(range(24))
    assert max(sizes.values()) == 4 and sizes[7] == 1


def test_calls_of_a_group_go_together_in_one_process_too() -> None:
    crews = {"makers": Crew(Together, together=4)}
    results = list(map_flows([0, 1, 2, 3, 4, 5, 6], grouped, crews, Pool(workers=0)))
    assert sorted(item for item, _ in results) == [0, 1, 2, 3, 4, 5, 6]
    assert max(reply.value for _, reply in results) > 1


def test_a_batch_in_one_process_is_that_of_the_pools(config: Config) -> None:
    folder = run(config(methods=["ncsnpp_m"], batch=3, limit=3)).folder
    assert [row.computing["batch"] for row in Store(folder).rows().values()] == [3, 3, 3]


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_clips_share_network_calls_and_a_poison_clip_does_not_spoil_them(config: Config) -> None:
    crash = {"name": "toy_predictor", "abort_on": "clip2"}
    settings = {"methods": ["ncsnpp_m", crash]}
    single, batch = (
        run(config(run="single", methods=["ncsnpp_m"])),
        run(config(**settings, batch=3, workers=1)),
    )
    assert [key.utterance for key in batch.failures] == ["clip2"]
    one, many = untimed(single.folder), untimed(batch.folder)
    for key, row in many.items():
        if key.method == "ncsnpp_m":
            assert row.computing["batch"] == 3
            value, alone = row.scores["si_sdr"].value, one[key].scores["si_sdr"].value
            assert value is not None and value == pytest.approx(alone, abs=1e-2)


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_enhancement_goes_on_while_a_metric_takes_its_time(config: Config, tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    patient = {"name": "toy_patient", "log": log, "count": 5}
    toy = {"name": "toy_diffusion", "log": log}
    result = run(config(methods=[toy], metrics=[patient], workers=1, scorers=1))
    assert not result.failures


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize("scorers", [0, 1])
def test_a_metric_whose_process_dies_costs_only_its_own_scores(config: Config, tmp_path: Path, scorers: int) -> None:
    log = tmp_path / "log"
    toy = {"name": "toy_diffusion", "log": str(log)}
    hazard = {"name": "toy_hazard", "what": "abort"}
    result = run(config(methods=[toy], metrics=["si_sdr", hazard], limit=1, workers=1, scorers=scorers))
    assert len(result.failures) == 1
    for row in untimed(result.folder).values():
        assert row.status == "ok" and row.scores["si_sdr"].status == "ok"
        assert row.scores["toy_hazard"].reason == (
            "the worker process died 2 times: a crash in native code, or out of memory"
        )
    assert len(log.read_text().splitlines()) == 2 - scorers  # once more where one process did both


def test_what_hangs_becomes_a_row_with_the_reason(config: Config) -> None:
    toy = {"name": "toy_predictor", "hang_on": "clip1"}
    hazard = {"name": "toy_hazard", "what": "hang"}
    settings = {"methods": [toy], "clip_timeout": 1, "metric_timeout": 1}
    result = run(config(**settings, metrics=["si_sdr", hazard]))
    rows = {key.utterance: row for key, row in untimed(result.folder).items()}
    assert (rows["clip1"].status, rows["clip1"].reason) == ("error", "TimedOut: no end within 1 s")
    assert rows["clip0"].scores["si_sdr"].status == "ok"
    assert rows["clip0"].scores["toy_hazard"].reason == "TimedOut: no end within 1 s"


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_what_hangs_and_cannot_be_interrupted_ends_with_its_process(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell, "GRACE_SECONDS", 1.0)
    toy = {"name": "toy_predictor", "hang_on": "clip1", "deaf": True}
    result = run(config(methods=[toy], clip_timeout=2, metric_timeout=2, workers=2))
    rows = {key.utterance: row for key, row in untimed(result.folder).items()}
    assert rows["clip1"].reason == "no answer within 3 s: the worker process was ended"
    assert [rows[name].status for name in ("clip0", "clip2")] == ["ok", "ok"]
