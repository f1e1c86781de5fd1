"""The exported test on the real webMUSHRA under the real pymushra, taken in a real browser.

webMUSHRA is in no package registry and not ours to ship: set WEBMUSHRA_DIR to a checkout
(https://github.com/audiolabs/webMUSHRA) to run this. It needs Chromium and its driver.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By

from bench.commands import mushra
from listening_test.design.mapping import Test
from tests.listening_test.browser import CHROMIUM, DRIVER, Answers, Lazy, Listener, Typist, chromium, kill
from tests.listening_test.conftest import Export
from tests.listening_test.serving import free_port, serving


@pytest.fixture
def webmushra() -> Path:
    folder = os.environ.get("WEBMUSHRA_DIR")
    if not folder:
        pytest.skip("WEBMUSHRA_DIR is not set: the test in a real browser needs a checkout of webMUSHRA")
    if not (CHROMIUM and DRIVER):
        pytest.skip("Chromium and chromedriver are not installed: there is no real browser to test in")
    return Path(folder)


def take(folder: Path, webmushra: Path, listeners: dict[str, Any]) -> tuple[dict[str, Answers], list[str]]:
    """What each listener set, and the kinds of pages that the last one saw."""
    set_by = {}
    with serving(folder, webmushra) as (_, urls):
        for name, answer in listeners.items():
            with chromium() as driver:
                listener = Listener(driver, answer)
                listener.take(urls["group1"], name)
                set_by[name] = listener.given
    return set_by, listener.visited


def imported(folder: Path) -> dict[str, pd.DataFrame]:
    mushra.import_([str(folder)])
    ratings = pd.read_csv(folder / "ratings.csv", keep_default_na=False)
    assert set(ratings["status"]) == {"complete"}
    return {str(name): own for name, own in ratings.groupby("listener")}


def test_three_listeners_from_the_first_page_to_the_last(export: Export, webmushra: Path) -> None:
    """Every slider of every page: what was set is what is imported, by clip and condition."""
    folder, test = export(anchors="[lowpass_3500,mixture,mixture_10db]")
    rng = np.random.default_rng(0)
    scores: dict[str, dict[tuple[str, str], int]] = {}

    def scoring(name: str) -> Any:
        own = scores.setdefault(name, {})
        return lambda page, key: own.setdefault((page, key), int(rng.integers(0, 101)))

    set_by, visited = take(folder, webmushra, {name: scoring(name) for name in ("anna", "ben+2", "c&a; ü%25")})
    assert Counter(visited) == {"GenericPage": 3, "VolumePage": 1, "MushraPage": 5, "FinishPage": 1}
    assert visited[0] == "GenericPage" and visited[-1] == "FinishPage"
    found = imported(folder)
    assert found.keys() == set_by.keys() == scores.keys()
    for name, given in set_by.items():
        assert given == scores[name] and len(given) == 5 * 6
        expected = {place(test, page, key): value for (page, key), value in given.items()}
        own = found[name]
        assert expected == dict(zip(zip(own["utterance"], own["condition"], strict=True), own["score"], strict=True))
    assert len(list((folder / "results" / "submissions").iterdir())) == 3
    mushra.analyse([str(folder)])
    assert (folder / "analysis" / "boxplot.png").is_file()


def place(test: Test, page: str, key: str) -> tuple[str, str]:
    """The clip and condition behind a key, from the mapping."""
    content = test.pages[page]
    answer = content.reference if key == "reference" else content.answers[key]
    assert answer is not None
    stimulus = test.stimuli[answer.stimuli[0]]
    return test.clips[stimulus.clip].utterance, stimulus.condition


@pytest.mark.parametrize(
    ("kind", "page", "choices"),
    [
        ("mos", "LikertSingleStimulusPage", (1, 3, 5)),
        ("ab", "LikertSingleStimulusPage", ("first", "alike", "second")),
        ("ccr", "LikertSingleStimulusPage", (-3, 0, 2)),
        ("abx", "PairedComparisonPage", (True, False)),
    ],
)
def test_the_other_kinds_are_taken_too(
    export: Export, webmushra: Path, kind: str, page: str, choices: tuple[Any, ...]
) -> None:
    folder, test = export(kind=kind, clips=2, balance="[sex]", once="null", anchors="[]", longest=1.0)
    rng = np.random.default_rng(1)
    set_by, visited = take(folder, webmushra, {"anna": lambda page, key: choices[rng.integers(len(choices))]})
    [given] = set_by.values()
    assert Counter(visited)[page] == len(given) == sum(len(test.pages[p].answers) for p in test.groups["group1"])
    own = imported(folder)["anna"]
    assert len(own) == len(given)
    if kind in ("mos", "abx"):
        assert Counter(own["score"]) == Counter(float(value) for value in given.values())
    else:
        size = {"first": 1, "second": 1, "alike": 0}
        assert Counter(own["score"].abs()) == Counter(
            float(abs(size.get(v, v) if kind == "ab" else v)) for v in given.values()
        )
    mushra.analyse([str(folder)])


SHORT = {"clips": 2, "balance": "[sex]", "once": "null", "anchors": "[mixture]", "longest": 1.0}


def scored(seed: int) -> Any:
    """A listener who sets what the dice say, and the same again when asked again."""
    return lambda page, key: int(np.random.default_rng([seed, *map(ord, page + key)]).integers(0, 101))


def arrived(folder: Path, test: Test, name: str, given: Answers) -> None:
    own = imported(folder)[name]
    expected = {place(test, page, key): value for (page, key), value in given.items()}
    assert expected == dict(zip(zip(own["utterance"], own["condition"], strict=True), own["score"], strict=True))
    assert len(given) == 3 * 4


FORGET = """
const [store, done] = arguments;
if (store === "localStorage") {
  localStorage.clear();
  done();
} else {
  indexedDB.open("listening").onsuccess = ({ target }) => {
    const transaction = target.result.transaction("states", "readwrite");
    transaction.objectStore("states").clear();
    transaction.oncomplete = done;
  };
}
"""


@pytest.mark.parametrize("lost", ["localStorage", "indexedDB"])
def test_a_session_goes_on_after_a_reload_with_either_store(export: Export, webmushra: Path, lost: str) -> None:
    """As after a kill, where localStorage was not written, and as with a session of an earlier version."""
    folder, test = export(**SHORT)
    with serving(folder, webmushra) as (_, urls), chromium() as driver:
        listener = Listener(driver, scored(0))
        listener.open(urls["listeners"])
        listener.walk(5)  # into the first page that counts
        assert listener.kind == "MushraPage"
        listener.rate()
        before = dict(listener.given), listener.index, listener.values()
        listener.snapped()
        driver.execute_async_script(FORGET, lost)
        driver.refresh()
        listener.reads("You began this test and finished 5 of 8 pages")
        listener.choose("Continue")
        listener.loaded()
        assert (dict(listener.given), listener.index, listener.values()) == before
        listener.go_on()
        listener.walk()
        listener.finish("anna")
        listener.thanked()
    arrived(folder, test, "anna", listener.given)


def test_a_session_goes_on_after_a_crash_of_the_browser_and_of_the_server(
    export: Export, webmushra: Path, tmp_path: Path
) -> None:
    """Both are killed in mid-test; before Send the server is killed again, and comes back later."""
    folder, test = export(**SHORT)
    port, profile = free_port(), str(tmp_path / "profile")
    with serving(folder, webmushra, port=port) as (_, urls), chromium(profile=profile) as driver:
        listener = Listener(driver, scored(1))
        listener.open(urls["listeners"])
        listener.walk(6)
        assert listener.kind == "MushraPage"
        listener.told_to_server()
        kill(driver)
    with chromium(profile=profile) as driver:
        listener.driver = driver
        with serving(folder, webmushra, "completion_code=C0FFEE", port=port) as (process, urls):
            driver.get(urls["listeners"])
            listener.choose("Continue")
            listener.loaded()
            assert listener.index == 6
            listener.walk()
            process.kill()
            process.wait()
            listener.finish("ben")
            listener.reads("The server cannot be reached. Your answers are kept in this browser")
            assert "were sent" not in driver.find_element(By.ID, "study").text
        with serving(folder, webmushra, "completion_code=C0FFEE", port=port):
            listener.thanked()
            assert driver.find_element(By.ID, "study_code").text == "C0FFEE"
    assert len(list((folder / "results" / "submissions").iterdir())) == 1
    arrived(folder, test, "ben", listener.given)


def test_two_listeners_at_once_and_who_left_is_imported_as_unfinished(export: Export, webmushra: Path) -> None:
    folder, _ = export(**SHORT, per_listener=1)
    with serving(folder, webmushra) as (_, urls), chromium() as one, chromium() as other:
        first, second = Listener(one, scored(2)), Listener(other, scored(3))
        first.open(f"{urls['listeners']}?listener=anna")
        second.open(f"{urls['listeners']}?PROLIFIC_PID=007")
        assert {one.current_url[-21:], other.current_url[-21:]} != {one.current_url[-21:]}  # dealt to two groups
        while first.kind != "FinishPage":
            first.walk(1)
            second.walk(1)
        first.finish(None)
        first.thanked()
        second.told_to_server()
    mushra.import_([str(folder)])
    sessions = pd.read_csv(folder / "sessions.csv", dtype=str).set_index("listener")
    assert dict(sessions["status"]) == {"anna": "complete", "007": "complete"}
    assert set(sessions["group"]) == {"group1", "group2"}


@pytest.mark.parametrize("width", [390])
def test_a_phone_is_wide_enough(export: Export, webmushra: Path, width: int) -> None:
    folder, test = export(**SHORT)
    with serving(folder, webmushra) as (_, urls), chromium(width=width) as driver:
        listener = Listener(driver, scored(4))
        listener.take(urls["group1"], "anna")
    arrived(folder, test, "anna", listener.given)


def test_the_keyboard_alone_is_enough(export: Export, webmushra: Path) -> None:
    folder, test = export(**SHORT)
    with serving(folder, webmushra) as (_, urls), chromium() as driver:
        listener = Typist(driver, scored(5))
        listener.take(urls["group1"], "anna")
    arrived(folder, test, "anna", listener.given)


def test_a_page_is_not_left_before_everything_was_played(export: Export, webmushra: Path, tmp_path: Path) -> None:
    agreement = tmp_path / "consent.html"
    agreement.write_text("<p>You can leave at any time.</p>")
    folder, _ = export(**SHORT, play_all=True, consent=agreement)
    with serving(folder, webmushra) as (_, urls), chromium() as driver:
        listener = Listener(driver, scored(6))
        listener.open(urls["group1"])
        listener.walk(1)
        assert listener.kind == "ConsentPage" and not driver.find_element(By.ID, "__button_next").is_enabled()
        driver.find_element(By.CSS_SELECTOR, "label[for='radio-choice-accept']").click()
        listener.go_on()
        listener.walk(2)
        assert listener.kind == "MushraPage"
        listener.rate()  # all but the open reference
        driver.find_element(By.ID, "__button_next").click()
        assert "Please play every version" in driver.find_element(By.ID, "study_rule").text
        driver.find_element(By.ID, "buttonReference").click()
        listener.played("open")
        listener.go_on()


def test_who_does_not_listen_is_left_out_with_the_reason(export: Export, webmushra: Path) -> None:
    """In the browser: sliders never moved; everything alike; the reference never found. A careful one stays."""
    folder, test = export(**{**SHORT, "clips": 4})

    def careful(page: str, key: str) -> int:
        time.sleep(0.4)  # a page takes longer than its sound
        [heard] = test.heard(page, key)
        return {"reference": 100, "mixture": 20, "half": 45, "tenth": 80}[heard.condition]

    def upside_down(page: str, key: str) -> int:
        return 100 - careful(page, key)

    people = {"careful": careful, "lazy": None, "alike": lambda page, key: 50, "upside": upside_down}
    with serving(folder, webmushra) as (_, urls):
        for name, answer in people.items():
            with chromium() as driver:
                kind = Lazy if answer is None else Listener
                listener = kind(driver, answer or careful)
                listener.open(f"{urls['listeners']}?listener={name}")
                listener.walk()
                listener.finish(None)
                listener.thanked()
    mushra.import_([str(folder)])
    mushra.analyse([str(folder)])
    text = (folder / "analysis" / "report.md").read_text()
    left_out = dict(re.findall(r"- left out: (\w+): (.*)", text))
    assert left_out.keys() == {"lazy", "alike", "upside"}
    assert "no slider moved in 4" in left_out["lazy"] and "all versions rated alike in 4" in left_out["alike"]
    assert "hidden reference rated below the worst anchor in 4" in left_out["upside"]
