"""How well listeners agree with themselves, from clips that they rated twice."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from listening_test.analysis.crossed import Array

COLUMNS = ("listener", "answers", "icc", "typical_difference", "equal")
LEAST = 3
"""Pairs of answers that a correlation needs."""


def reliability(ratings: pd.DataFrame) -> pd.DataFrame:
    """One line per listener who rated something twice, with ``COLUMNS``.

    ``icc`` is the intraclass correlation of both answers, ``typical_difference`` the root mean square of their
    differences in points, ``equal`` the share of equal answers.
    """
    place = ["listener", "dataset", "utterance", "condition", "other"]
    first = ratings[~ratings["again"]].groupby(place)["score"].mean()
    second = ratings[ratings["again"]].groupby(place)["score"].mean()
    both = pd.concat([first, second], axis=1, keys=["first", "second"]).dropna()
    lines = []
    for listener, own in both.groupby("listener", sort=False):
        scores = own.to_numpy(dtype=np.float64)
        difference = scores[:, 1] - scores[:, 0]
        rms = math.sqrt(float(np.mean(difference**2)))
        lines.append((listener, len(own), icc(scores), rms, float((difference == 0).mean())))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def icc(scores: Array) -> float:
    """The intraclass correlation ICC(A,1) of ``scores`` ``[items, times]``: absolute agreement of single answers.

    McGraw and Wong, "Forming inferences about some intraclass correlation coefficients", Psychological Methods 1(1),
    1996, table 4. NaN for fewer than three items or without any variance.
    """
    items, times = scores.shape
    if items < LEAST or np.ptp(scores) == 0:
        return math.nan
    mean = scores.mean()
    rows = times * np.sum((scores.mean(axis=1) - mean) ** 2) / (items - 1)
    columns = items * np.sum((scores.mean(axis=0) - mean) ** 2) / (times - 1)
    rest = np.sum((scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + mean) ** 2)
    error = rest / ((items - 1) * (times - 1))
    return float((rows - error) / (rows + (times - 1) * error + times / items * (columns - error)))
