"""The exported test on the real webMUSHRA under the real pymushra, taken in a real browser.

webMUSHRA is in no package registry and not ours to ship: set WEBMUSHRA_DIR to a checkout
(https://github.com/audiolabs/webMUSHRA) to run this. It needs Chromium and its driver.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.commands import mushra
from listening_test.design.mapping import Test
from tests.listening_test.browser import CHROMIUM, DRIVER, Answers, Listener, chromium
from tests.listening_test.conftest import Export
from tests.listening_test.serving import serving


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
    mushra.import_([str(folder / "results" / "webmushra.json")])
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
    assert Counter(visited)[page] == len(given) == sum(len(content.answers) for content in test.pages.values())
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
