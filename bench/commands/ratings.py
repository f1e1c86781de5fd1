"""Fig. 10 from the folder of a listening test: what its listeners rated, without those who are left out."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from bench.core.errors import UserError
from listening_test.analysis.panel import judge
from listening_test.design.mapping import Test
from listening_test.webmushra import collect
from results.figures.ratings import draw

_RATED = ("mushra", "mos")
_MID_ANCHOR = "lowpass_7000"


def draw_test(folder: Path, width: str) -> Figure:
    """The box plot of a test's complete sessions, screened as ``bench mushra analyse`` does by itself.

    Raises:
        UserError: there is no listening test in the folder, no answers, or they are preferences.
    """
    test = Test.read(folder)
    if test.kind not in _RATED:
        raise UserError(f"{folder}: a {test.kind} test has preferences, not ratings; bench mushra analyse draws them")
    given = collect.load(folder)
    used = given[(given["status"] == "complete") & ~given["training"] & ~given["again"]]
    if used.empty:
        raise UserError(f"{folder}: no complete session yet")
    panel = judge(
        used,
        test,
        mid_anchor=_MID_ANCHOR if _MID_ANCHOR in test.conditions else None,
        rule="fitted",
        headphones=collect.headphones(folder),
        exclude={},
        include={},
    )
    kept = used[~used["listener"].isin(list(panel.left_out))]
    kept = used if kept.empty else kept
    labels = [label for label in test.conditions if label in set(kept["condition"])]
    scores = {label: kept.loc[kept["condition"] == label, "score"].tolist() for label in labels}
    kinds = {label: test.conditions[label].kind for label in labels}
    return draw(scores, kinds, test.kind == "mushra", width)
