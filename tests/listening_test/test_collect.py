"""What listeners set is what is imported, whoever stored it; what is wrong with a session is said."""

from __future__ import annotations

import copy
import csv
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from werkzeug.test import Client

from bench.core.errors import UserError
from listening_test.design.mapping import KINDS, Test
from listening_test.webmushra import collect, serve
from tests.listening_test.simulate import submission

ANSWERS: dict[str, Sequence[Any]] = {
    "mushra": range(0, 101),
    "mos": (1, 2, 3, 4, 5),
    "ab": ("first", "alike", "second"),
    "abx": ("correct", "incorrect"),
    "ccr": (-3, -2, -1, 0, 1, 2, 3),
}
LISTENERS = ("anna", "ben7", "Çelik")

Session = dict[str, Any]


def sessions(test: Test, listeners: Iterable[str] = LISTENERS, group: str = "group1") -> list[Session]:
    """A submission each, with answers at random."""
    rng = np.random.default_rng(5)
    choices = ANSWERS[test.kind]
    return [
        submission(test, group, listener, lambda page, key: choices[rng.integers(len(choices))])
        for listener in listeners
    ]


def given(sent: Session) -> dict[tuple[str, str], Any]:
    """(page, key) -> what was set."""
    found = {}
    for trial in sent["trials"]:
        for response in trial["responses"]:
            value = response.get("score", response.get("answer", response.get("stimulusRating")))
            found[trial["id"], response.get("nonReference", response.get("stimulus"))] = value
    return found


def as_pymushra(sent: Sequence[Session], test: Test, folder: Path, how: str) -> Path:
    """The real pymushra's store, or its download, after these submissions."""
    webmushra = folder / "served"
    with serve.application(folder, test, webmushra, folder / "results", admin=True) as app:
        browser = Client(app)
        for data in sent:
            body = f"sessionJSON={json.dumps(data)}"
            browser.post("/collect", data=body, content_type="application/x-www-form-urlencoded")
        if how == "database":
            return folder / "results" / "webmushra.json"
        download = browser.get(f"/download/{test.name}.{how}", environ_base={"REMOTE_ADDR": "127.0.0.1"})
        path = folder / f"downloaded.{how}"
        path.write_bytes(download.data)
        return path


def as_php(sent: Sequence[Session], test: Test, folder: Path, how: str) -> Path:
    """What webMUSHRA's own service/write.php appends."""
    name, columns = {
        "mushra": (
            "mushra",
            ("session_uuid", "trial_id", "rating_stimulus", "rating_score", "rating_time", "rating_comment"),
        ),
        "abx": (
            "paired_comparison",
            ("trial_id", "choice_reference", "choice_non_reference", "choice_answer", "choice_time", "choice_comment"),
        ),
    }.get(test.kind, ("lss", ("trial_id", "stimuli_rating", "stimuli", "rating_time")))
    lines = []
    for data in sent:
        head = [test.name, *data["participant"]["response"]]
        for trial in data["trials"]:
            for r in trial["responses"]:
                if test.kind == "mushra":
                    lines.append([*head, data["uuid"], trial["id"], r["stimulus"], r["score"], r["time"], ""])
                elif test.kind == "abx":
                    lines.append([*head, trial["id"], "reference", r["nonReference"], r["answer"], r["time"], ""])
                else:
                    lines.append([*head, trial["id"], *r["stimulusRating"], r["stimulus"], r["time"]])
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["session_test_id", *sent[0]["participant"]["name"], *columns], *lines])
    return path


def as_backups(sent: Sequence[Session], test: Test, folder: Path, how: str) -> list[Path]:
    paths = [folder / f"backup{index}.json" for index in range(len(sent))]
    for path, data in zip(paths, sent, strict=True):
        path.write_text(json.dumps(data), encoding="utf-8")
    return paths


FORMATS: dict[str, tuple[Callable[..., Path | list[Path]], str]] = {
    "database": (as_pymushra, "database"),
    "csv": (as_pymushra, "csv"),
    "json": (as_pymushra, "json"),
    "php": (as_php, ""),
    "backups": (as_backups, ""),
}


@pytest.fixture(scope="module")
def tests(exported: Callable[..., Path]) -> dict[str, tuple[Path, Test]]:
    """An exported test of each kind."""
    folders = {kind: exported(kind=kind, per_listener=2) for kind in KINDS}
    return {kind: (folder, Test.read(folder)) for kind, folder in folders.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMATS)
def test_what_was_set_is_what_is_imported(
    tests: dict[str, tuple[Path, Test]], kind: str, name: str, tmp_path: Path
) -> None:
    _, test = tests[kind]
    (tmp_path / "served").mkdir()
    sent = sessions(test)
    write, how = FORMATS[name]
    paths = write(sent, test, tmp_path, how)
    found = collect.collect(paths if isinstance(paths, list) else [paths], test)
    assert sorted(session.listener for session in found) == sorted(LISTENERS)
    table = collect.ratings(found, test)
    assert set(table["status"]) == {"complete"} and len(table) == sum(len(given(data)) for data in sent)
    for data in sent:
        own = table[table["listener"] == data["participant"]["response"][0]]
        times = {trial["id"]: trial["responses"][0]["time"] / 1000 for trial in data["trials"]}
        assert dict(zip(own["page"], own["seconds"], strict=True)) == pytest.approx(times)
        expected = [meaning(test, *place, value) for place, value in given(data).items()]
        assert sorted(expected) == sorted(
            zip(own["page"], own["utterance"], own["condition"], own["other"], own["score"], strict=True)
        )


def meaning(test: Test, page: str, key: str, value: Any) -> tuple[str, str, str, str, float]:
    """What an answer means, worked out from the mapping by hand."""
    content = test.pages[page]
    names = content.answers[key].stimuli if key != "reference" else ()
    if test.kind == "abx" or key == "reference":
        assert content.reference is not None
        names = (*content.reference.stimuli, *names)
    conditions = [test.stimuli[name].condition for name in names]
    clip = test.clips[test.stimuli[names[0]].clip].utterance
    if test.kind in ("mushra", "mos"):
        value = value if test.kind == "mushra" else value[0]
        return page, clip, conditions[0], "", float(value)
    place = [list(test.conditions).index(condition) for condition in conditions]
    swapped = place[0] > place[1]
    one, other = sorted(conditions, key=list(test.conditions).index)
    if test.kind == "abx":
        return page, clip, one, other, float(value == "correct")
    if test.kind == "ab":
        winner = {"first": conditions[0], "second": conditions[1], "alike": None}[value[0]]
        return page, clip, one, other, 0.0 if winner is None else 1.0 if winner == one else -1.0
    return page, clip, one, other, float(value[0]) if swapped else -float(value[0])


def test_training_is_marked(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    table = collect.ratings(collect.collect(as_backups(sessions(test), test, tmp_path, ""), test), test)
    practice = {clip.utterance for clip in test.clips.values() if clip.training}
    assert set(table.loc[table["training"], "utterance"]) == practice
    assert not set(table.loc[~table["training"], "utterance"]) & practice


def imported(test: Test, sent: Sequence[Session], folder: Path) -> dict[str, tuple[str, str]]:
    """Session -> its status and note."""
    found = collect.collect(as_backups(sent, test, folder, ""), test)
    return {session.name: (session.status, session.note) for session in found}


def test_the_same_session_in_two_files_counts_once(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    (tmp_path / "served").mkdir()
    sent = sessions(test, ["anna"])
    files = [as_pymushra(sent, test, tmp_path, "database"), *as_backups(sent, test, tmp_path, "")]
    [found] = collect.collect(files, test)
    assert (found.status, found.source, found.note) == ("complete", "backup", "")


def test_equal_answers_at_equal_times_are_one_session(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    [first] = sessions(test, ["anna"])
    again = {**copy.deepcopy(first), "uuid": "another"}
    again["participant"]["response"][0] = "ben"
    found = imported(test, [first, again], tmp_path)
    assert found[first["uuid"]] == ("complete", "")
    told = f"the same answers and times as session {first['uuid']} of listener anna in backup0.json"
    assert found["another"] == ("duplicate", told)


def test_a_folder_is_read_and_its_backups_hold_ids_as_typed(
    tests: dict[str, tuple[Path, Test]], tmp_path: Path
) -> None:
    """pymushra makes 7 of 007 and of 7.0, and one listener of two."""
    exported, test = tests["mushra"]
    folder = Path(shutil.copytree(exported, tmp_path / "test"))
    typed = ["007", "7", "1e3", "1000"]
    as_pymushra(sessions(test, typed), test, folder, "database")
    under_way = submission(test, "group1", "late", lambda page, key: 50)
    under_way = {**under_way, "trials": under_way["trials"][:1], "study": {"state": {}}}
    (folder / "results" / "progress" / "12345678.json").write_text(json.dumps(under_way))
    begun = {**under_way, "uuid": "begun", "trials": []}
    (folder / "results" / "progress" / "begun.json").write_text(json.dumps(begun))
    (folder / "results" / "submissions" / "junk.json").write_text("{")
    for named in (folder, folder / "results", folder / "results" / "webmushra.json"):
        found = collect.collect([named], test)
        status = {session.listener or session.name: session.status for session in found}
        assert status == {**dict.fromkeys(typed, "complete"), "late": "unfinished", "junk.json": "damaged"}
    with pytest.raises(UserError, match="no answers in this folder"):
        collect.collect([tmp_path / "test" / "served"], test)


def test_what_was_played_and_moved_is_imported(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    [data] = sessions(test, ["anna"])
    page = data["trials"][0]["id"]
    key, other = (response["stimulus"] for response in data["trials"][0]["responses"][:2])
    data["study"] = {"facts": {page: {"played": {key: 1.5, other: 0.25}, "moved": [key]}}}
    table = collect.ratings(collect.collect(as_backups([data], test, tmp_path, ""), test), test)
    own = table[table["page"] == page]
    assert own["played"].sum() == 1.75 and own["moved"].sum() == 1 and own["played"].notna().all()
    assert table.loc[table["page"] != page, ["played", "moved"]].isna().all(axis=None)


def test_ratings_of_before_are_read(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    found = collect.collect(as_backups(sessions(test), test, tmp_path, ""), test)
    table = collect.ratings(found, test)
    table[list(collect.BEFORE)].to_csv(tmp_path / "ratings.csv", index=False)
    again = collect.load(tmp_path)
    assert list(again.columns) == list(collect.COLUMNS) and len(again) == len(table)
    assert not again["again"].any() and again["played"].isna().all()


def test_a_listener_who_comes_twice_counts_once_a_group(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    first, again = sessions(test, ["anna", "anna"])
    [other] = sessions(test, ["anna"], "group2")
    found = imported(test, [first, again, other], tmp_path)
    assert found[first["uuid"]] == ("complete", "")
    assert found[again["uuid"]] == ("duplicate", f"listener anna had finished before, in session {first['uuid']}")
    assert found[other["uuid"]] == ("complete", "")


def test_a_second_try_after_an_unfinished_one_counts(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    half, whole = sessions(test, ["anna", "anna"])
    half["trials"] = half["trials"][:-1]
    found = imported(test, [half, whole], tmp_path)
    assert found[half["uuid"]] == ("unfinished", "5 of 15 answers missing")
    assert found[whole["uuid"]] == ("complete", "")


def test_pages_that_nobody_touched_are_named(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    lazy = submission(test, "group1", "lazy", lambda page, key: 100)
    assert imported(test, [lazy], tmp_path)[lazy["uuid"]] == ("complete", "3 pages with every slider left at 100")


def test_answers_that_were_not_given_are_missing(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mos"]
    [data] = sessions(test, ["anna"])
    data["trials"][1]["responses"][0]["stimulusRating"] = ["NA"]
    status, note = imported(test, [data], tmp_path)[data["uuid"]]
    assert (status, note) == ("unfinished", "1 of 15 answers missing")


def test_a_listener_without_an_id_is_the_session(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    [data] = sessions(test, [" "])
    [found] = collect.collect(as_backups([data], test, tmp_path, ""), test)
    assert (found.listener, found.note) == (data["uuid"], "without a listener id")


def test_files_are_written_and_read_again(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    found = collect.collect(as_backups(sessions(test, ["007", "anna"]), test, tmp_path, ""), test)
    collect.write(found, test, tmp_path)
    pd.testing.assert_frame_equal(collect.load(tmp_path), collect.ratings(found, test), check_dtype=False)
    heads = pd.read_csv(tmp_path / "sessions.csv", dtype=str)
    assert list(heads["listener"]) == ["007", "anna"] and set(heads["headphones"]) == {"over_ear"}
    with pytest.raises(UserError, match=r"sessions\.csv: holds 1 sessions that are not in these files"):
        collect.write(found[:1], test, tmp_path)
    collect.write(found, test, tmp_path)


def changed(data: Session, **changes: Any) -> Session:
    return {**copy.deepcopy(data), **changes}


def test_bad_files_are_told_in_one_line(tests: dict[str, tuple[Path, Test]], tmp_path: Path) -> None:
    _, test = tests["mushra"]
    _, mos = tests["mos"]
    [data] = sessions(test, ["anna"])
    trial = data["trials"][0]
    strange = {**trial, "id": "p000"}
    silly = {**trial, "responses": [{**trial["responses"][0], "score": "101"}]}
    foreign = {**trial, "responses": [{**trial["responses"][0], "stimulus": "s000"}]}
    both = [trial for group in ("group1", "group2") for trial in sessions(test, ["anna"], group)[0]["trials"]]
    cases: dict[str, tuple[str | bytes, str]] = {
        "other.json": (
            json.dumps(sessions(mos, ["anna"])[0]),
            f"answers to another test \\({mos.name}\\); this one is {test.name}",
        ),
        "page.json": (json.dumps(changed(data, trials=[strange])), f"p000/\\w+ is not in {test.name}"),
        "key.json": (json.dumps(changed(data, trials=[foreign])), f"/s000 is not in {test.name}"),
        "score.json": (json.dumps(changed(data, trials=[silly])), "was answered '101', which is no rating of mushra"),
        "groups.json": (json.dumps(changed(data, trials=both)), "a session with pages of several groups"),
        "cut.json": (json.dumps(data)[:100], "damaged, or no file of answers"),
        "list.txt": ("one\ntwo\n", "its first line is 'one'"),
        "empty.csv": ("", "damaged, or no file of answers"),
        "none.json": ("{}", "holds no answers"),
        "mapping.json": ('{"format": 1}', "no file of answers as pymushra or webMUSHRA writes it"),
        "pickle": (b"\x80\x04\x95", "not text, neither UTF-8 nor UTF-16"),
        "cut.csv": (
            "session_test_id,listener,session_uuid,trial_id,rating_stimulus,rating_score,rating_time\na,b\n",
            "line 2",
        ),
    }
    for name, (content, told) in cases.items():
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError, match=rf"^{path}.*{told}"):
            collect.collect([path], test)
    with pytest.raises(UserError, match="nowhere: no such file"):
        collect.collect([tmp_path / "nowhere"], test)
    with pytest.raises(UserError, match="no ratings yet"):
        collect.load(tmp_path)
    (tmp_path / "ratings.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"other columns than .*: a, b; `bench mushra import FILE\.\.\.` writes"):
        collect.load(tmp_path)
