"""Post-screening of listeners by ITU-R BS.1534-3, section 4.1.2.

A listener is excluded for rating the hidden reference below 90 in more than 15 % of the items, or the mid-range
anchor above 90 in more than 15 %. If more than 25 % of the listeners rate an item's mid-range anchor above 90, the
anchor hardly degrades that item, and it is ignored in the second rule.

Of few items 15 % are less than one, so that a single slip would exclude: of four listeners who slip in 5 % of the items
one would be lost at four items. By the rule ``fitted`` as many items may be missed as such a listener exceeds in less
than 2 % of tests; from 18 items on that is no more than the Recommendation's 15 %.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import pandas as pd
from scipy import stats

BOUND, SHARE, HARDLY_DEGRADED = 90.0, 0.15, 0.25
SLIPS, SELDOM = 0.05, 0.02
"""The share of items in which an attentive listener slips, and of such listeners that may be excluded."""

COLUMNS = ("listener", "items", "reference_below_90", "anchor_items", "anchor_above_90", "excluded", "reason")

Rule = Literal["fitted", "bs1534"]


def allowed(items: int, rule: Rule = "fitted") -> int:
    """How many of ``items`` a listener may miss."""
    share = math.floor(SHARE * items + 1e-9)
    if rule == "bs1534":
        return share
    seldom = next(count for count in itertools.count() if stats.binom.sf(count, items, SLIPS) < SELDOM)
    return max(share, seldom)


def post_screen(
    ratings: pd.DataFrame, reference: str = "reference", mid_anchor: str | None = None, rule: Rule = "fitted"
) -> pd.DataFrame:
    """One line per listener, with ``COLUMNS``; counts are numbers of items (pages).

    Args:
        ratings: with columns ``listener, page, condition, score``.
        mid_anchor: the condition that is the mid-range anchor; None: that rule is not applied.
        rule: how many items may be missed.
    """
    hidden = ratings[ratings["condition"] == reference]
    anchors = _usable(ratings[ratings["condition"] == mid_anchor])
    lines = []
    for listener in ratings["listener"].drop_duplicates():
        own, own_anchors = (part[part["listener"] == listener] for part in (hidden, anchors))
        missed = int((own["score"] < BOUND).sum())
        praised = int((own_anchors["score"] > BOUND).sum())
        reasons = []
        if missed > allowed(len(own), rule):
            reasons.append(f"hidden reference below {BOUND:g} in {missed} of {len(own)} items")
        if praised > allowed(len(own_anchors), rule):
            reasons.append(f"{mid_anchor} above {BOUND:g} in {praised} of {len(own_anchors)} items")
        lines.append((listener, len(own), missed, len(own_anchors), praised, bool(reasons), "; ".join(reasons)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _usable(anchors: pd.DataFrame) -> pd.DataFrame:
    """The ratings of the mid-range anchor, without the items that it hardly degrades."""
    if anchors.empty:
        return anchors
    praised = anchors["score"].gt(BOUND).groupby(anchors["page"]).transform("mean")
    return anchors.loc[praised.le(HARDLY_DEGRADED)]
