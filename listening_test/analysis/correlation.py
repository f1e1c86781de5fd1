"""Correlation of instrumental metrics with mean ratings, for each paradigm and overall."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from listening_test.analysis.crossed import Array
from listening_test.design.mapping import Test
from results.store.rows import Key, Row

COLUMNS = (
    *("paradigm", "metric", "n", "pearson", "pearson_low", "pearson_high"),
    *("spearman", "spearman_low", "spearman_high"),
)


def correlations(ratings: pd.DataFrame, test: Test, rows: Mapping[Key, Row]) -> pd.DataFrame:
    """Pearson's and Spearman's correlation of each metric with the mean rating, with 95 % intervals.

    A point is one condition of one clip, with its rating averaged over listeners. ``paradigm`` is that of the
    conditions, or "all" for all conditions together.
    """
    points = _points(ratings, test, rows)
    lines = []
    for metric in sorted(set(points.columns) - {"paradigm", "score"}):
        for paradigm, part in [*points.groupby("paradigm"), ("all", points)]:
            known = part[[metric, "score"]].dropna()
            if len(known) > 2:
                x, y = known[metric].to_numpy(), known["score"].to_numpy()
                found = (*_with_interval(x, y, ranks=False), *_with_interval(x, y, ranks=True))
                lines.append((paradigm, metric, len(known), *found))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _points(ratings: pd.DataFrame, test: Test, rows: Mapping[Key, Row]) -> pd.DataFrame:
    means = ratings.groupby(["dataset", "utterance", "condition"])["score"].mean()
    lines = []
    for stimulus in test.stimuli.values():
        condition, row = test.conditions[stimulus.condition], rows.get(stimulus.row)
        place = (stimulus.row.dataset, stimulus.row.utterance, stimulus.condition)
        same = row is not None and row.paradigm == condition.paradigm  # no row has an anchor's audio, except "mixture"
        if row is not None and same and place in means.index:
            scores = {name: score.value for name, score in row.scores.items()}
            lines.append({"paradigm": condition.paradigm, "score": means[place], **scores})
    return pd.DataFrame(lines, columns=None if lines else ["paradigm", "score"])


def _with_interval(x: Array, y: Array, *, ranks: bool) -> tuple[float, float, float]:
    """The correlation and its interval by Fisher's transform; for ranks with Bonett and Wright's variance.

    Bonett and Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65(1), 2000.
    """
    if any(np.ptp(values) <= 1e-9 * np.abs(values).max() for values in (x, y)):  # equal up to rounding
        return math.nan, math.nan, math.nan
    if ranks:
        x, y = stats.rankdata(x), stats.rankdata(y)
    r = float(np.corrcoef(x, y)[0, 1])
    if len(x) < 4:
        return r, math.nan, math.nan
    half = stats.norm.ppf(0.975) * math.sqrt((1 + r**2 / 2 if ranks else 1) / (len(x) - 3))
    with np.errstate(divide="ignore"):
        z = np.arctanh(np.clip(r, -1.0, 1.0))
    return r, float(np.tanh(z - half)), float(np.tanh(z + half))
