"""Rows read fast are those that are read carefully, and what is at fault is told in the same words."""

from __future__ import annotations

import errno
import gc
import json
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.core.types import Score
from results.store.columns import SHARED
from results.store.folder import Store
from results.store.frame import to_frame
from results.store.rows import Row
from results.store.standings import Standing
from tests.results.conftest import make_row
from tests.results.store.synthetic import synthetic_rows

VARIED = [
    make_row("plain", pesq=2.0),
    make_row("whole", tags={"snr": 5, "speaker": "a"}, pesq=2.0),
    make_row("real", tags={"snr": 5.0, "speaker": "a"}, pesq=3),
    make_row("true", tags={"snr": True, "speaker": "5"}),
    make_row("failed", status="error", reason='it broke:\n\t"so" 音 \u2028'),
    make_row("rate", wer=Score.rate(1, 3, heard="één"), pesq=Score.missing("undefined", "silent")),
    make_row(os.fsdecode(b"caf\xe9"), tags={"noise": os.fsdecode(b"\xff")}),
    make_row("s", method="storm", steps=5, seed=0, findings={"delay": 3}, adjusted={"cut": 7}, pesq=1e-7),
    make_row("s", method="storm", steps=5, seed=1, computing={"batch": 8}, cost={"rtf": 0.5, "parameters": 27}),
    make_row("plain", pesq=2.5, metric_versions={"pesq": "2"}),
]


def stored(folder: Path, *lines: str) -> Store:
    text = "".join(f"{line}\n" for line in lines)
    (folder / "rows.jsonl").write_bytes(text.encode("utf-8", "surrogatepass"))
    return Store(folder)


def lines_of_both_schemas() -> list[str]:
    old = json.loads(make_row("old", pesq=1.0, tags={"snr": 5}).to_json()) | {"schema": 1}
    return [json.dumps(old), *(row.to_json() for row in (*VARIED, *synthetic_rows(120)))]


def test_reading_fast_gives_what_reading_carefully_gives(tmp_path: Path) -> None:
    lines = lines_of_both_schemas()
    careful = {row.key: row for row in map(Row.from_json, lines)}
    fast = stored(tmp_path, *lines).rows()
    assert list(fast) == list(careful)
    assert fast == careful
    for key, row in careful.items():
        assert [repr(getattr(fast[key], name)) for name in SHARED] == [repr(getattr(row, name)) for name in SHARED]
    pd.testing.assert_frame_equal(to_frame(fast.values()), to_frame(careful.values()))


def test_standings_are_those_of_the_rows_and_lead_to_them(tmp_path: Path) -> None:
    store = stored(tmp_path, *lines_of_both_schemas())
    rows, standings = store.rows(), store.standings()
    assert dict(standings) == {key: Standing.of(row) for key, row in rows.items()}
    assert all(standings.row(key) == row for key, row in rows.items())


def test_standings_stay_true_while_rows_are_appended(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.append(make_row("a", pesq=1.0))
        standings = store.standings()
        store.append(make_row("b"))
        store.append(make_row("a", pesq=2.0))
    (key,) = standings
    assert standings.row(key).score("pesq").value == 1.0
    assert Store(tmp_path).standings().row(key).score("pesq").value == 2.0


def test_rows_share_what_they_have_in_common(tmp_path: Path) -> None:
    store = stored(tmp_path, *(row.to_json() for row in synthetic_rows(100)))
    assert len({id(row.tags) for row in store.rows().values()}) == 2
    assert len({id(row.metric_versions) for row in store.rows().values()}) == 1
    assert len({id(standing) for standing in store.standings().values()}) <= 2


def test_the_collector_is_left_as_it_was(tmp_path: Path) -> None:
    store = stored(tmp_path, make_row().to_json(), "{}")
    for read in (store.rows, store.standings):
        with pytest.raises(UserError):
            read()
        assert gc.isenabled()


DAMAGED = {
    "cut": lambda data: json.dumps(data)[:-20],
    "no row": lambda data: "[1, 2]",
    "schema": lambda data: json.dumps(data | {"schema": 3}),
    "no schema": lambda data: json.dumps({name: data[name] for name in data if name != "schema"}),
    "no key": lambda data: json.dumps({name: data[name] for name in data if name != "key"}),
    "status": lambda data: json.dumps(data | {"status": "fine"}),
    "utterance": lambda data: json.dumps(data | {"key": data["key"] | {"utterance": 3}}),
    "version": lambda data: json.dumps(data | {"metric_versions": {"pesq": 1}}),
}
"""Faults that a resumed run finds too."""

ELSEWHERE = {
    "unknown": lambda data: json.dumps(data | {"colour": "red"}),
    "text": lambda data: json.dumps(data | {"seconds": "2"}),
    "NaN": lambda data: json.dumps(data | {"seconds": float("nan")}),
    "huge": lambda data: json.dumps(data | {"seconds": 1e200}),
    "digits": lambda data: json.dumps(data | {"nfe": 2**70}),
    "tag": lambda data: json.dumps(data | {"tags": {"snr": [1]}}),
    "value": lambda data: json.dumps(data | {"scores": {"pesq": {"value": None, "status": "ok", "reason": ""}}}),
}


@pytest.mark.parametrize("fault", [*DAMAGED, *ELSEWHERE])
def test_a_fault_is_told_as_by_the_careful_reader(tmp_path: Path, fault: str) -> None:
    good = make_row("good", pesq=2.0).to_json()
    bad = (DAMAGED | ELSEWHERE)[fault](json.loads(make_row("bad", pesq=2.0, tags={"snr": 1}).to_json()))
    with pytest.raises(ValueError) as careful:
        Row.from_json(bad)
    store = stored(tmp_path, good, bad, good)
    for read in (store.rows, *[store.standings] * (fault in DAMAGED)):
        with pytest.raises(UserError) as told:
            read()
        assert str(told.value) == f"{store.rows_path}, line 2: {careful.value}"


def test_blank_lines_and_other_line_ends_are_read(tmp_path: Path) -> None:
    store = stored(tmp_path, VARIED[0].to_json(), "", f"{VARIED[1].to_json()}\r")
    assert list(store.rows().values()) == VARIED[:2] and len(store.standings()) == 2


@pytest.mark.parametrize("tail", ["", "{", '{"schema": 2, "key"', "x" * 200_000])
def test_an_unfinished_line_of_any_length_is_cut_off_before_the_next_row(tmp_path: Path, tail: str) -> None:
    store = stored(tmp_path, VARIED[0].to_json(), VARIED[1].to_json())
    with store.rows_path.open("a") as file:
        file.write(tail)
    with store:
        assert len(store.standings()) == 2
        store.append(VARIED[2])
    assert list(Store(tmp_path).rows().values()) == VARIED[:3]


def test_rows_are_forced_onto_the_disk_once_a_second_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, forced = [0.0], []
    monkeypatch.setattr("results.store.folder.monotonic", lambda: clock[0])
    monkeypatch.setattr(os, "fsync", lambda file: forced.append((tmp_path / "rows.jsonl").read_bytes().count(b"\n")))
    with Store(tmp_path) as store:
        for _ in range(24):
            clock[0] += 0.25
            store.append(VARIED[0])
        assert forced == [5, 9, 13, 17, 21]
    assert forced[-1] == 24


def test_rows_that_a_disk_refuses_late_are_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a network's disk a full one is told only when the rows are forced onto it."""

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    clock = [0.0]
    monkeypatch.setattr("results.store.folder.monotonic", lambda: clock[0])
    with Store(tmp_path) as store:
        store.append(VARIED[0])
        clock[0] = 1
        store.append(VARIED[1])
        store.append(VARIED[2])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            clock[0] = 2
            with pytest.raises(UserError, match="No space left"):
                store.append(VARIED[3])
        assert list(store.rows().values()) == VARIED[:2]
        store.append(VARIED[2])
    assert list(Store(tmp_path).rows().values()) == VARIED[:3]


def test_a_changed_log_is_read_as_it_is_now(tmp_path: Path) -> None:
    """There is no copy of it that could be out of date."""
    store = stored(tmp_path, VARIED[0].to_json())
    assert store.rows() and list(tmp_path.iterdir()) == [store.rows_path]
    stored(tmp_path, replace(VARIED[0], nfe=9).to_json())
    assert [row.nfe for row in store.rows().values()] == [9]
