"""Power analysis: how many listeners a further test needs to detect a given difference in points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from listening_test.analysis.ratings import blocks

ALPHA = 0.05
POWERS = (0.8, 0.9)
MOST = 10_000


def difference_sd(ratings: pd.DataFrame, conditions: Sequence[str]) -> float:
    """The standard deviation, over listeners, of the difference between two conditions' means over clips.

    Pooled over all pairs; NaN for fewer than two listeners.
    """
    table = blocks(ratings, conditions, "listener")
    if len(table) < 2 or len(conditions) < 2:
        return math.nan
    variances = [
        np.var(table[:, a] - table[:, b], ddof=1) for a, b in itertools.combinations(range(len(conditions)), 2)
    ]
    return math.sqrt(float(np.mean(variances)))


def listeners_needed(difference: float, sd: float, alpha: float, power: float) -> int | None:
    """The fewest listeners for which a paired t-test has this power for ``difference``; None for more than ``MOST``.

    A significant difference of the wrong sign is not counted as found. Wilcoxon's test needs about 5 % more
    (its asymptotic relative efficiency is 3/π).
    """
    if sd <= 1e-9 * abs(difference):
        return 2
    effect = difference / sd
    # The number for a known variance, as a start; Student's t needs a few more.
    fewest = ((stats.norm.isf(alpha / 2) + stats.norm.ppf(power)) / effect) ** 2
    counts = range(max(2, math.floor(fewest)), MOST + 1)
    return next((count for count in counts if _power(effect, count, alpha) >= power), None)


def _power(effect: float, count: int, alpha: float) -> float:
    """The power of a t-test with ``count`` differences of mean ``effect`` and standard deviation 1."""
    from statsmodels.stats.power import TTestPower

    return float(TTestPower().power(effect, count, alpha / 2, alternative="larger"))


def table(sd: float, differences: Iterable[float], tests: int) -> pd.DataFrame:
    """Listeners needed, by difference in points; with ``_holm``, for the strictest of ``tests`` comparisons."""
    lines = []
    for difference in differences:
        line: dict[str, str | int | None] = {"points": f"{difference:g}"}
        for power, (suffix, alpha) in itertools.product(POWERS, (("", ALPHA), ("_holm", ALPHA / max(1, tests)))):
            line[f"power_{power:.0%}{suffix}".replace("%", "")] = listeners_needed(difference, sd, alpha, power)
        lines.append(line)
    return pd.DataFrame(lines).astype({name: "Int64" for name in (lines[0] if lines else {}) if name != "points"})
