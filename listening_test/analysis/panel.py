"""Who is analysed: the rules' and the experimenter's decisions about every listener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bench.core.errors import did_you_mean
from listening_test.analysis import attention, screening
from listening_test.analysis.screening import Rule
from listening_test.design.mapping import Test


@dataclass(frozen=True, eq=False)
class Panel:
    """The listeners of a test.

    Attributes:
        signs: of not having listened (``attention``).
        screened: by BS.1534-3 (``screening``); None in other than MUSHRA tests.
        left_out: listeners with the reasons.
        kept: listeners that a rule would have left out, with the experimenter's reasons.
    """

    signs: pd.DataFrame
    screened: pd.DataFrame | None
    left_out: Mapping[str, str]
    kept: Mapping[str, str]


def judge(
    ratings: pd.DataFrame,
    test: Test,
    *,
    mid_anchor: str | None,
    rule: Rule,
    headphones: Mapping[str, str],
    exclude: Mapping[str, str],
    include: Mapping[str, str],
) -> Panel:
    """Decide about every listener in ``ratings``.

    Args:
        mid_anchor: the condition of BS.1534-3's second rule; None: it is not applied.
        headphones: results of the headphone check, as "5 of 6", by listener.
        exclude, include: the experimenter's decisions, with reasons; they stand above the rules.

    Raises:
        UserError: there is no such listener.
    """
    known = list(ratings["listener"].drop_duplicates())
    for name in (*exclude, *include):
        if name not in known:
            raise did_you_mean("listener", name, known)
    signs = attention.signs(ratings, test, headphones, rule)
    reasons = dict(zip(signs["listener"], signs["reason"], strict=True))
    screened = None
    if test.kind == "mushra":
        # Who did not listen says nothing about the anchor of an item.
        attentive = ratings[~ratings["listener"].isin([name for name, reason in reasons.items() if reason])]
        screened = screening.post_screen(attentive, mid_anchor=mid_anchor, rule=rule)
        reasons |= {name: why for name, why in zip(screened["listener"], screened["reason"], strict=True) if why}
    by_rule = {name: reason for name, reason in reasons.items() if reason}
    own = {name: f"{why} (decided by the experimenter)" for name, why in exclude.items()}
    left_out = {name: (by_rule | own)[name] for name in known if name in (by_rule | own) and name not in include}
    kept = {name: why for name, why in include.items() if name in by_rule}
    return Panel(signs, screened, left_out, kept)
