"""Signs that somebody did not listen.

An item (a page of a MUSHRA test, otherwise a single answer) is bad if

- no slider was moved, or all versions were rated alike;
- it was left before the sound could be heard once, or with more than half of the versions not played;
- the hidden reference was rated below the worst anchor of the same clip: an attention item.

A listener with more bad items than ``screening.allowed`` is left out; so is one with the same scores as an earlier
listener, one who gave a single answer throughout (unless it is "alike"), or failed the headphone check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from listening_test.analysis.crossed import Array
from listening_test.analysis.screening import Rule, allowed
from listening_test.design.mapping import Test
from listening_test.stimuli.tones import PASSED

SIGNS = ("untouched", "alike", "too_fast", "unplayed", "reference_worst")
WORDS = {
    "untouched": "no slider moved",
    "alike": "all versions rated alike",
    "too_fast": "left before the sound was over",
    "unplayed": "most versions not played",
    "reference_worst": "hidden reference rated below the worst anchor",
}
COLUMNS = ("listener", "items", *SIGNS, "excluded", "reason")

FEW = 8
"""Listeners with fewer answers can have given one answer throughout, or the same as somebody else, by chance."""

VARIED = 3
"""So many different scores are more than chance for two listeners to have in common."""


def signs(
    ratings: pd.DataFrame, test: Test, headphones: Mapping[str, str] | None = None, rule: Rule = "fitted"
) -> pd.DataFrame:
    """One line per listener, with ``COLUMNS``: numbers of items with each sign, and the decision.

    Args:
        ratings: imported ratings.
        headphones: results of the headphone check, as "5 of 6", by listener.
        rule: how many bad items are allowed.
    """
    items = _items(ratings, test)
    lines = []
    earlier: dict[tuple[tuple[object, ...], ...], str] = {}
    for listener, own in items.groupby("listener", sort=False):
        given = ratings[ratings["listener"] == listener]
        bad = int(own[list(SIGNS)].any(axis=1).sum())
        reasons = []
        if bad > allowed(len(own), rule):
            counts = [f"{WORDS[sign]} in {int(own[sign].sum())}" for sign in SIGNS if own[sign].any()]
            reasons.append(f"{bad} of {len(own)} items without listening ({', '.join(counts)})")
        if (told := _one_answer(given, test)) is not None:
            reasons.append(told)
        if test.kind == "mushra" and len(given) >= FEW and given["score"].nunique() >= VARIED:
            scores = tuple(sorted(map(tuple, given[["page", "condition", "score"]].to_numpy())))
            if (same := earlier.setdefault(scores, str(listener))) != listener:
                reasons.append(f"every score equals that of {same}")
        if (heard := (headphones or {}).get(str(listener))) and int(heard.split()[0]) < PASSED:
            reasons.append(f"headphone check: {heard} right, {PASSED} are needed")
        counted = [int(own[sign].sum()) for sign in SIGNS]
        lines.append((listener, len(own), *counted, bool(reasons), "; ".join(reasons)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _items(ratings: pd.DataFrame, test: Test) -> pd.DataFrame:
    """One line per item, with the signs as truths."""
    paged = test.kind == "mushra"
    keys = ["listener", "session", "page", *([] if paged else ["dataset", "utterance", "condition", "other", "again"])]
    lengths = {(c.dataset, c.utterance): c.samples / c.sample_rate for c in test.clips.values()}
    lengths = {place: length * (2 if test.kind in ("ab", "ccr") else 1) for place, length in lengths.items()}
    worst = _reference_worst(ratings, test)
    lines = []
    for place, item in ratings.groupby(keys, sort=False):
        values, first = item["score"].to_numpy(), item.iloc[0]
        untouched = paged and bool((values == 100).all()) and not (item["moved"] == 1).any()
        lines.append(
            {
                "listener": place[0],
                "untouched": untouched,
                "alike": paged and len(item) > 2 and not np.ptp(values) and not untouched,
                "too_fast": bool(first["seconds"] < lengths[first["dataset"], first["utterance"]]),
                "unplayed": bool((item["played"] == 0).mean() > 0.5),
                "reference_worst": bool((item["condition"] == "reference").any())
                and (first["listener"], first["page"], first["dataset"], first["utterance"]) in worst,
            }
        )
    return pd.DataFrame(lines, columns=["listener", *SIGNS])


def _reference_worst(ratings: pd.DataFrame, test: Test) -> set[tuple[str, ...]]:
    """(listener, page, dataset, utterance) where the hidden reference is rated below the worst anchor."""
    anchors = [label for label, condition in test.conditions.items() if condition.role == "anchor"]
    place = ["listener", "page", "dataset", "utterance"]
    low = ratings[ratings["condition"].isin(anchors)].groupby(place)["score"].min()
    reference = ratings[ratings["condition"] == "reference"].groupby(place)["score"].max()
    both = pd.concat([reference, low], axis=1, keys=["reference", "anchor"]).dropna()
    return set(both.index[both["reference"] < both["anchor"]])


def _one_answer(given: pd.DataFrame, test: Test) -> str | None:
    """Why a listener's answers are a straight line; None if they are not."""
    if test.kind not in ("mos", "ab", "ccr") or len(given) < FEW:
        return None
    answers: Array = given["score"].to_numpy(np.float64)
    answers = answers if test.kind == "mos" else answers * _direction(given, test)
    value = answers[0]
    if np.ptp(answers) or (test.kind != "mos" and value == 0):
        return None
    shown = f"{value:g}" if test.kind != "ab" else "the first" if value > 0 else "the second"
    return f"one answer throughout ({shown}, {len(given)} times)"


def _direction(given: pd.DataFrame, test: Test) -> Array:
    """1 where ``condition`` was heard first, -1 where ``other`` was."""
    heard = {}
    for page, content in test.pages.items():
        for key in content.answers:
            first, second = test.heard(page, key)
            clip = test.clips[first.clip]
            place = (page, clip.dataset, clip.utterance)
            heard[(*place, first.condition, second.condition)] = 1.0
            heard[(*place, second.condition, first.condition)] = -1.0
    columns = ["page", "dataset", "utterance", "condition", "other"]
    return np.array([heard.get(tuple(line), math.nan) for line in given[columns].to_numpy()])
