"""A session that is damaged costs no other; a spreadsheet's files are read; one person under two spellings is one."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.core.errors import UserError
from listening_test.design.mapping import Test
from listening_test.webmushra import collect
from tests.listening_test.test_collect import as_backups, as_php, sessions

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def test(exported: Callable[..., Path]) -> Test:
    return Test.read(exported(kind="mushra", per_listener=2))


def ratings(paths: list[Path], test: Test) -> pd.DataFrame:
    table = collect.ratings(collect.collect(paths, test), test)
    return table.sort_values(["listener", "page", "condition"], ignore_index=True)


SAVED: dict[str, Callable[[str], bytes]] = {
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode("utf-8-sig"),
    "decimal commas": lambda text: re.sub(r";(\d{4,5});", r";\1,0;", text.replace(",", ";")).encode(),
    "utf-16": lambda text: text.replace(",", "\t").encode("utf-16"),
    "windows-1252": lambda text: text.replace(",", ";").encode("cp1252"),
    "separator named": lambda text: f"sep=;\r\n{text.replace(',', ';')}".encode("utf-8-sig"),
    "joined": lambda text: f"{text}{text.splitlines()[0]}\r\n".encode(),
}


@pytest.mark.parametrize("how", SAVED)
def test_a_spreadsheets_file_holds_the_same_ratings(test: Test, tmp_path: Path, how: str) -> None:
    path = as_php(sessions(test), test, tmp_path, "")
    expected = ratings([path], test)
    saved = tmp_path / "saved.csv"
    saved.write_bytes(SAVED[how](path.read_text(encoding="utf-8")))
    pd.testing.assert_frame_equal(ratings([saved], test), expected)
    assert set(expected["status"]) == {"complete"} and expected["listener"].nunique() == 3


def score(value: Any) -> Change:
    return lambda trial: trial["responses"][0].update(score=value)


DAMAGES: dict[str, tuple[Change, str]] = {
    "too high": (score("101"), "was answered '101', which is no rating of mushra"),
    "no number": (score("loud"), "was answered 'loud'"),
    "infinite": (score("1e999"), "was answered '1e999'"),
    "a mapping": (score({}), "was answered '{}'"),
    "without responses": (lambda trial: trial.pop("responses"), "without 'responses'"),
    "none": (lambda trial: trial.update(responses=[]), "without responses"),
    "of another kind": (lambda trial: trial.update(responses=7), "that cannot be read"),
    "without a time": (lambda trial: trial["responses"][0].pop("time"), "without 'time'"),
    "of no length": (lambda trial: trial["responses"][0].update(time="soon"), "that cannot be read"),
    "another page": (lambda trial: trial.update(id="p000"), "is not in"),
    "another key": (lambda trial: trial["responses"][0].update(stimulus="s000"), "is not in"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_session_is_named_and_costs_no_other(test: Test, tmp_path: Path, damage: str) -> None:
    good, bad, other = sessions(test)
    bad = copy.deepcopy(bad)
    change, told = DAMAGES[damage]
    change(bad["trials"][1])
    found = collect.collect(as_backups([good, bad, other], test, tmp_path, ""), test)
    by_listener = {session.listener: session for session in found}
    assert Counter(session.status for session in found) == {"complete": 2, "damaged": 1}
    assert by_listener["ben7"].status == "damaged" and told in by_listener["ben7"].note
    assert "\n" not in by_listener["ben7"].note and len(by_listener["ben7"].note) < 400
    assert set(collect.ratings(found, test)["listener"]) == {"anna", "Çelik"}
    collect.write(found, test, tmp_path)
    heads = pd.read_csv(tmp_path / "sessions.csv", dtype=str).set_index("listener")
    assert heads.loc["ben7", "status"] == "damaged"
    with pytest.raises(UserError, match=r"backup0\.json"):
        collect.collect(as_backups([bad], test, tmp_path, ""), test)


def test_a_damaged_session_within_pymushras_database_costs_no_other(test: Test, tmp_path: Path) -> None:
    good, bad = sessions(test, ["anna", "ben7"])
    stored = {}
    for data in (good, bad):
        asked = dict(zip(data["participant"]["name"], data["participant"]["response"], strict=True))
        for trial in copy.deepcopy(data["trials"]):
            own = {**trial, "testId": data["testId"], "questionaire": {**asked, "uuid": data["uuid"]}, "date": "today"}
            stored[str(len(stored))] = own
    stored[str(len(stored) - 1)]["responses"] = None
    path = tmp_path / "webmushra.json"
    path.write_text(json.dumps({"collection": stored}))
    found = {session.listener: session.status for session in collect.collect([path], test)}
    assert found == {"anna": "complete", "ben7": "damaged"}


@pytest.mark.parametrize(
    "junk", [b"", b"\0\1\2", b"[" * 100_000, b"{}", b'{"trials": 3}', b"x" * 200_000, b'{"a": {"b": 1}}']
)
def test_junk_beside_answers_is_named_and_left_aside(test: Test, tmp_path: Path, junk: bytes) -> None:
    files = as_backups(sessions(test), test, tmp_path, "")
    files.append(tmp_path / "junk.json")
    files[-1].write_bytes(junk)
    found = collect.collect(files, test)
    assert Counter(session.status for session in found) == {"complete": 3, "damaged": 1}
    [damaged] = [session for session in found if session.status == "damaged"]
    assert damaged.name == "junk.json" and str(files[-1]) in damaged.note and "\n" not in damaged.note
    assert len(damaged.note) < 400


@pytest.mark.parametrize("spelt", ["ANNA", " anna", "an na", "ａnna"])
def test_one_listener_under_two_spellings_is_told_and_counted_once(test: Test, tmp_path: Path, spelt: str) -> None:
    first, again = sessions(test, ["anna", spelt])
    found = collect.collect(as_backups([first, again], test, tmp_path, ""), test)
    assert [session.status for session in found] == ["complete", "duplicate"]
    assert f"had finished before, in session {first['uuid']}" in found[1].note
    [other] = sessions(test, [spelt], "group2")
    found = collect.collect(as_backups([first, other], test, tmp_path, ""), test)
    assert [session.status for session in found] == ["complete", "complete"]
    assert {session.listener for session in found} == {"anna"}


def test_composed_and_decomposed_letters_are_one_listener(test: Test, tmp_path: Path) -> None:
    first, again = sessions(test, ["Çelik", "C\u0327elik"])
    found = collect.collect(as_backups([first, again], test, tmp_path, ""), test)
    assert [session.status for session in found] == ["complete", "duplicate"]
    assert "is probably Çelik" in found[1].note


def test_ratings_with_a_listener_who_writes_formulas_come_back(test: Test, tmp_path: Path) -> None:
    names = ["=1+1", "-5", "'=x", "@home"]
    found = collect.collect(as_backups(sessions(test, names), test, tmp_path, ""), test)
    collect.write(found, test, tmp_path)
    assert set(collect.load(tmp_path)["listener"]) == set(names)
    for name in (collect.RATINGS, collect.SESSIONS):
        cells = [cell for line in (tmp_path / name).read_text().splitlines()[1:] for cell in line.split(",")]
        assert not [cell for cell in cells if cell[:1] in tuple("=+@\t") or cell.startswith("-5")]
    collect.write(found, test, tmp_path)  # the sessions that are there are these


def test_ratings_that_were_changed_by_hand_are_one_line(test: Test, tmp_path: Path) -> None:
    collect.write(collect.collect(as_backups(sessions(test), test, tmp_path, ""), test), test, tmp_path)
    path = tmp_path / "ratings.csv"
    whole = path.read_text()
    for old, new, told in (
        (",True,", ",maybe,", "training is 'maybe', not True or False"),
        (re.search(r",[\d.]+(?=,False,,)", whole)[0], ",long", "seconds is 'long'"),
    ):
        path.write_text(whole.replace(old, new, 1))
        with pytest.raises(UserError, match=told):
            collect.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"conditions": []},
        {"pages": {"p": {"training": "no", "answers": {}}}},
        {"groups": {"group1": "p"}},
        {"clips": {"c": {"dataset": 3}}},
        {"kind": "musrha"},
        {"loudness": 10**400},
        {"stimuli": {"s": {"row": None}}},
        {"format": 2},
    ],
)
def test_a_mapping_with_wrong_content_is_one_line(test: Test, tmp_path: Path, change: dict[str, Any]) -> None:
    path = test.write(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError) as raised:
        Test.read(tmp_path)
    assert str(raised.value).startswith(f"{path}: not a mapping that can be read (") and len(str(raised.value)) < 400


CASES = {
    **dict.fromkeys(("mushra", "mushra_semicolon", "mushra_tab", "mushra_decimal_comma"), (3, 36)),
    "mushra_two_files_joined": (None, None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_case_of_a_spreadsheet(shared: Path, name: str) -> None:
    folder = shared / "cases" / "mushra_csv_saved_by_a_spreadsheet"
    case = Test.read(folder / "test")
    found = collect.collect([folder / f"{name}.csv"], case)
    listeners, answers = CASES[name]
    if listeners:
        assert [session.status for session in found] == ["complete"] * listeners
        pd.testing.assert_frame_equal(ratings([folder / f"{name}.csv"], case), ratings([folder / "mushra.csv"], case))
        assert len(collect.ratings(found, case)) == answers
    else:
        assert {session.status for session in found} <= {"complete", "duplicate"}


def test_the_case_of_a_name_in_other_case(shared: Path) -> None:
    folder = shared / "cases" / "mushra_listener_name_in_other_case"
    found = collect.collect([folder / "mushra.csv"], Test.read(folder / "test"))
    assert Counter(session.status for session in found) == {"complete": 3, "duplicate": 1}
    assert "listener l01 is probably L01, who had finished before" in next(
        s.note for s in found if s.status == "duplicate"
    )
