"""Whether the variances of a mixed model can be estimated, decided from the data before anything is fitted.

An optimiser's failure depends on rounding: on one machine a model of constant scores does not converge, on
another it "fits" with a residual standard deviation of 1e-14. What makes a model inestimable is a property of
the data: too few levels, no variance, no degrees of freedom for the error, or aliased random effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Levels = NDArray[np.intp]

_ROUNDING = 1e-9
"""Relative to the largest score: a standard deviation below this is rounding error."""


def why_not(scores: Array, fixed: tuple[str, Sequence[object]], random: Mapping[str, Sequence[object]]) -> str:
    """Why the variances of a mixed model of ``scores`` cannot be estimated; empty where they can.

    Args:
        scores: ``[n]``, finite.
        fixed: the name of the fixed factor, and its level for each score.
        random: by name, each random factor's level for each score.
    """
    levels = {name: np.unique(np.asarray(of, dtype=str), return_inverse=True)[1] for name, of in random.items()}
    groups = {fixed[0]: np.unique(np.asarray(fixed[1], dtype=str), return_inverse=True)[1], **levels}
    for name, of in groups.items():
        if len(np.unique(of)) < 2:
            return f"it needs two {name}s or more"
    for (name, of), (other, of_other) in combinations(levels.items(), 2):
        if _same_grouping(of, of_other):
            return f"each {name} belongs to one {other} and each {other} to one {name}: they cannot be told apart"
    tiny = _ROUNDING * np.abs(scores).max()
    if np.ptp(scores) <= tiny:
        return f"all scores are the same ({scores[0]:g}): there is no variance"
    rank, rest = _additive(scores, list(groups.values()))
    if rank >= len(scores):
        return f"{len(scores)} scores for {rank} independent effects leave none to estimate the error from"
    if np.abs(rest).max() <= tiny:
        return f"{', '.join(groups)} explain every score exactly: there is no error variance"
    return ""


def _same_grouping(one: Levels, other: Levels) -> bool:
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


def _additive(scores: Array, factors: Sequence[Levels]) -> tuple[int, Array]:
    """The rank of the factors' indicator columns, and the residuals of a least-squares fit of all of them."""
    design = np.concatenate([np.eye(of.max() + 1)[of] for of in factors], axis=1)
    # Normal equations: their size depends on the number of levels, not of scores, and their counts are exact.
    solution, _, rank, _ = np.linalg.lstsq(design.T @ design, design.T @ (scores - scores.mean()), rcond=1e-10)
    return int(rank), scores - scores.mean() - design @ solution
