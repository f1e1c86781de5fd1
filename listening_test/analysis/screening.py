"""Post-screening of listeners by ITU-R BS.1534-3, section 4.1.2.

A listener is excluded for rating the hidden reference below 90 in more than 15 % of the items, or the mid-range
anchor above 90 in more than 15 %. If more than 25 % of the listeners rate an item's mid-range anchor above 90, the
anchor hardly degrades that item, and it is ignored in the second rule.
"""

from __future__ import annotations

import pandas as pd

BOUND, SHARE, HARDLY_DEGRADED = 90.0, 0.15, 0.25
COLUMNS = ("listener", "items", "reference_below_90", "anchor_items", "anchor_above_90", "excluded", "reason")


def post_screen(ratings: pd.DataFrame, reference: str = "reference", mid_anchor: str | None = None) -> pd.DataFrame:
    """One line per listener, with ``COLUMNS``; counts are numbers of items (pages).

    Args:
        ratings: with columns ``listener, page, condition, score``.
        mid_anchor: the condition that is the mid-range anchor; None: that rule is not applied.
    """
    hidden = ratings[ratings["condition"] == reference]
    anchors = _usable(ratings[ratings["condition"] == mid_anchor])
    lines = []
    for listener in ratings["listener"].drop_duplicates():
        own, own_anchors = (part[part["listener"] == listener] for part in (hidden, anchors))
        missed = int((own["score"] < BOUND).sum())
        praised = int((own_anchors["score"] > BOUND).sum())
        reasons = []
        if missed > SHARE * len(own):
            reasons.append(f"hidden reference below {BOUND:g} in {missed} of {len(own)} items")
        if praised > SHARE * len(own_anchors):
            reasons.append(f"{mid_anchor} above {BOUND:g} in {praised} of {len(own_anchors)} items")
        lines.append((listener, len(own), missed, len(own_anchors), praised, bool(reasons), "; ".join(reasons)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _usable(anchors: pd.DataFrame) -> pd.DataFrame:
    """The ratings of the mid-range anchor, without the items that it hardly degrades."""
    if anchors.empty:
        return anchors
    praised = anchors["score"].gt(BOUND).groupby(anchors["page"]).transform("mean")
    return anchors.loc[praised.le(HARDLY_DEGRADED)]
