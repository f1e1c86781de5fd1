"""Who did not listen is found, for the reason that was put in; who listened, and slips at times, is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.errors import UserError
from listening_test.analysis import attention, panel
from listening_test.analysis.reliability import icc, reliability
from listening_test.design.mapping import KINDS, Kind, Test
from tests.listening_test import simulate

CONDITIONS = ("reference", "mixture", "mixture_10db", "half", "tenth")
Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@pytest.fixture(scope="module")
def tests(exported: Callable[..., Path]) -> dict[Kind, Test]:
    return {kind: Test.read(exported(kind=kind, clips=8)) for kind in KINDS}


def ratings(test: Test, listeners: int, seed: int, *, slips: float = 0.0, clips: int = 8) -> pd.DataFrame:
    """Careful listeners; in so many of the pages each slips in one of the ways that are counted."""
    rng = np.random.default_rng(seed)
    names = [clip.utterance for clip in test.clips.values() if not clip.training][:clips]
    people = {f"l{n}": simulate.careful(bias) for n, bias in enumerate(rng.uniform(-10, 10, listeners))}
    table = simulate.ratings(people, CONDITIONS, names, seed)
    table["dataset"] = next(iter(test.clips.values())).dataset
    for _, page in table.groupby(["listener", "page"]):
        if rng.random() < slips:
            slip = rng.choice(["untouched", "alike", "fast", "reference"])
            match slip:
                case "untouched":
                    table.loc[page.index, "score"] = 100.0
                case "alike":
                    table.loc[page.index, "score"] = 60.0
                case "fast":
                    table.loc[page.index, "seconds"] = 0.1
                case _:
                    table.loc[page.index[page["condition"] == "reference"], "score"] = 2.0
    return table


def one(table: pd.DataFrame) -> pd.Series:
    return table["listener"] == "l0"


def untouched(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table.loc[one(table), ["score", "moved"]] = [100.0, 0.0]
    return table


def alike(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table.loc[one(table), "score"] = 50.0
    return table


def fast(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table.loc[one(table), "seconds"] = 0.4
    return table


def unplayed(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table.loc[one(table), "played"] = 0.0
    return table


def at_random(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table.loc[one(table), "score"] = rng.uniform(0, 100, one(table).sum()).round()
    return table


def copied(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    other = table["listener"] == "l1"
    table.loc[other, "score"] = table.loc[one(table), "score"].to_numpy()
    return table


BAD: dict[str, tuple[Change, str, str]] = {
    "untouched": (untouched, "l0", "8 of 8 items without listening (no slider moved in 8)"),
    "alike": (alike, "l0", "all versions rated alike in 8"),
    "fast": (fast, "l0", "left before the sound was over in 8"),
    "unplayed": (unplayed, "l0", "most versions not played in 8"),
    "random": (at_random, "l0", "hidden reference"),
    "copied": (copied, "l1", "every score equals that of l0"),
}


@pytest.mark.parametrize("kind", BAD)
def test_each_kind_of_bad_listener_is_left_out_with_the_reason(tests: dict[Kind, Test], kind: str) -> None:
    change, who, told = BAD[kind]
    for seed in range(3):
        table = change(ratings(tests["mushra"], 6, seed), np.random.default_rng(seed))
        found = judged(table, tests["mushra"])
        assert set(found.left_out) == {who} and told in found.left_out[who]


def judged(table: pd.DataFrame, test: Test, **changes: object) -> panel.Panel:
    options: dict[str, object] = {"mid_anchor": None, "rule": "fitted", "headphones": {}, "exclude": {}, "include": {}}
    return panel.judge(table, test, **{**options, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("pages", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_honest_listeners_stay(tests: dict[Kind, Test], pages: int) -> None:
    """Of 300 who slip in 4 % of the pages, under 2 % are lost to all rules together."""
    table = ratings(tests["mushra"], 300, pages, slips=0.04, clips=pages)
    left_out = judged(table, tests["mushra"]).left_out
    assert len(left_out) / 300 <= 0.02, left_out


def test_the_experimenter_decides_with_a_reason(tests: dict[Kind, Test]) -> None:
    table = alike(ratings(tests["mushra"], 4, 0), np.random.default_rng(0))
    found = judged(table, tests["mushra"], exclude={"l2": "had a cold"}, include={"l0": "the loop stuck"})
    assert found.left_out == {"l2": "had a cold (decided by the experimenter)"}
    assert found.kept == {"l0": "the loop stuck"}
    with pytest.raises(UserError, match="unknown listener 'l9': did you mean"):
        judged(table, tests["mushra"], exclude={"l9": "x"})


def test_the_headphone_check_leaves_out_who_fails_it(tests: dict[Kind, Test]) -> None:
    table = ratings(tests["mushra"], 3, 0)
    found = judged(table, tests["mushra"], headphones={"l0": "4 of 6", "l1": "5 of 6"})
    assert found.left_out == {"l0": "headphone check: 4 of 6 right, 5 are needed"}


@pytest.mark.parametrize(("kind", "value", "out"), [("ab", 1.0, True), ("ab", 0.0, False), ("ccr", -2.0, True)])
def test_a_straight_line_in_pairs_is_found_but_who_hears_no_difference_stays(
    tests: dict[Kind, Test], kind: Kind, value: float, out: bool
) -> None:
    """The answer is the same for what was heard, first or second; what it says of the conditions changes."""
    test = tests[kind]
    lines = []
    for page in test.groups["group1"]:
        for key in test.pages[page].answers:
            first, second = test.heard(page, key)
            clip = test.clips[first.clip]
            if clip.training:
                continue
            order = list(test.conditions)
            swapped = order.index(first.condition) > order.index(second.condition)
            names = sorted((first.condition, second.condition), key=order.index)
            for who, score in (("line", value), ("good", float(np.sign(len(lines) % 3 - 1)))):
                place = (who, f"s-{who}", page, False, clip.dataset, clip.utterance, *names)
                lines.append((*place, -score if swapped else score, 20.0, False, math.nan, math.nan))
    columns = ["listener", "session", "page", "training", "dataset", "utterance", "condition", "other", "score"]
    table = pd.DataFrame(lines, columns=[*columns, "seconds", "again", "played", "moved"])
    signs = attention.signs(table, test).set_index("listener")
    assert bool(signs.loc["line", "excluded"]) is out and not signs.loc["good", "excluded"]
    assert not out or "one answer throughout" in signs.loc["line", "reason"]


def test_the_correlation_of_repeated_answers_is_the_textbooks() -> None:
    """Six targets and four judges of Shrout and Fleiss (1979): ICC(2,1) is 0.29."""
    scores = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
    assert icc(scores) == pytest.approx(0.29, abs=0.005)
    assert icc(np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]])) == pytest.approx(1.0)
    assert math.isnan(icc(np.ones((5, 2)))) and math.isnan(icc(np.eye(2)))


def test_who_answers_at_random_is_not_reliable(tests: dict[Kind, Test]) -> None:
    table = ratings(tests["mushra"], 2, 0)
    noise = 5 * np.random.default_rng(0).normal(size=len(table))
    again = at_random(
        table.assign(again=True, page=table["page"] + "b", score=(table["score"] + noise).clip(0, 100)),
        np.random.default_rng(1),
    )
    found = reliability(pd.concat([table, again])).set_index("listener")
    assert found.loc["l0", "icc"] < 0.5 < 0.9 < found.loc["l1", "icc"]
    assert (found["answers"] == 8 * 5).all() and found.loc["l1", "typical_difference"] == pytest.approx(5, rel=0.4)
