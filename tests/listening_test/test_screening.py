"""Post-screening by BS.1534-3 finds whom it should, and nobody else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from listening_test.analysis.screening import allowed, post_screen
from tests.listening_test import simulate

CONDITIONS = ("reference", "lowpass_7000", "low", "middle", "high")
CLIPS = [f"clip{index}" for index in range(10)]
GOOD = {f"good{index}": simulate.careful(bias) for index, bias in enumerate(np.linspace(-12, 12, 8))}


def excluded(ratings: pd.DataFrame, mid_anchor: str | None = "lowpass_7000") -> set[str]:
    table = post_screen(ratings, mid_anchor=mid_anchor, rule="bs1534")
    return set(table.loc[table["excluded"], "listener"])


def constant(condition: str, scores: list[float]) -> pd.DataFrame:
    """One listener, one score for each page, of one condition; everything else is right."""
    pages = [f"p{index}" for index in range(len(scores))]
    lines = [("one", page, condition, score) for page, score in zip(pages, scores, strict=True)]
    if condition != "reference":
        lines += [("one", page, "reference", 100.0) for page in pages]
    return pd.DataFrame(lines, columns=["listener", "page", "condition", "score"])


@pytest.mark.parametrize("seed", range(5))
def test_listeners_of_known_kinds(seed: int) -> None:
    """Biased but careful listeners stay; random, reversed and reference-blind ones go."""
    bad = {"random": simulate.at_random, "reversed": simulate.reversed_scale, "blind": simulate.blind_to_the_reference}
    ratings = simulate.ratings({**GOOD, **bad}, CONDITIONS, CLIPS, seed)
    assert excluded(ratings) == set(bad)
    assert excluded(ratings, None) == set(bad)


@pytest.mark.parametrize(
    ("scores", "out"),
    [
        ([89.0] * 3 + [100.0] * 17, False),  # 15 % is not more than 15 %
        ([89.0] * 4 + [100.0] * 16, True),
        ([90.0] * 20, False),  # 90 is not below 90
        ([89.0] + [100.0] * 5, True),
        ([89.0] + [100.0] * 6, False),
    ],
)
def test_the_hidden_references_limits(scores: list[float], out: bool) -> None:
    [line] = post_screen(constant("reference", scores), rule="bs1534").to_dict("records")
    assert line["excluded"] is out
    assert line["reference_below_90"] == sum(score < 90 for score in scores)
    assert ("hidden reference below 90 in" in line["reason"]) is out


def test_a_mid_anchor_that_one_listener_praises() -> None:
    def praising(clip: str, condition: str, rng: np.random.Generator) -> float:
        return 95.0 if condition == "lowpass_7000" else simulate.careful()(clip, condition, rng)

    ratings = simulate.ratings({**GOOD, "praising": praising}, CONDITIONS, CLIPS)
    assert excluded(ratings) == {"praising"}
    assert excluded(ratings, None) == set()
    [line] = post_screen(ratings, mid_anchor="lowpass_7000").query("listener == 'praising'").to_dict("records")
    assert (line["anchor_above_90"], line["anchor_items"]) == (10, 10)
    assert line["reason"] == "lowpass_7000 above 90 in 10 of 10 items"


def test_items_whose_anchor_a_quarter_praises_exclude_nobody() -> None:
    """More than 25 % of all listeners above 90 speak against the anchor on that item, not against them."""

    def rate(clip: str, condition: str, rng: np.random.Generator) -> float:
        return 95.0 if condition == "lowpass_7000" and clip in CLIPS[:4] else simulate.careful()(clip, condition, rng)

    for praising, out in ((2, {"praising0", "praising1"}), (3, set())):  # of 8: 25 % is not more than 25 %
        people = {**dict(list(GOOD.items())[: 8 - praising]), **{f"praising{n}": rate for n in range(praising)}}
        assert excluded(simulate.ratings(people, CONDITIONS, CLIPS)) == out


@pytest.mark.parametrize(
    ("items", "most"), [(1, 1), (2, 1), (4, 1), (6, 2), (8, 2), (10, 2), (16, 3), (18, 3), (40, 6)]
)
def test_a_single_slip_excludes_nobody_where_items_are_few(items: int, most: int) -> None:
    """15 % of four items is 0.6; the binomial tail of 5 % slips allows one. From 18 items on the Recommendation's."""
    assert allowed(items) == most
    assert allowed(items, "bs1534") == int(0.15 * items + 1e-9)
    for missed, out in ((most, False), (most + 1, most < items)):
        scores = [89.0] * min(missed, items) + [100.0] * (items - min(missed, items))
        [line] = post_screen(constant("reference", scores)).to_dict("records")
        assert line["excluded"] is out


@pytest.mark.parametrize("pages", [4, 8, 16])
def test_honest_listeners_are_seldom_excluded(pages: int) -> None:
    """Who slips in 5 % of the items, in either rule and every sign: less than 2 % of 4000 are lost."""
    rng = np.random.default_rng(pages)
    missed = rng.binomial(pages, 0.05, size=4000)
    assert np.mean(missed > allowed(pages)) < 0.02 + 2 * np.sqrt(0.02 * 0.98 / 4000)
    assert np.mean(missed > allowed(pages, "bs1534")) > 0.04  # by the letter of the Recommendation
