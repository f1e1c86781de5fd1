"""A linear mixed model: score = condition + listener + clip + error, listener and clip as crossed random effects."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from listening_test.analysis.crossed import Array
from results.statistics.comparison import holm
from results.statistics.estimable import why_not


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A fitted model.

    Attributes:
        contrasts: the difference of every pair of conditions with its standard error, 95 % interval and p (Wald, Holm).
        listener_sd, clip_sd, residual_sd: standard deviations in points.
        problem: why the model could not be fitted or is not reliable; else empty.
    """

    contrasts: pd.DataFrame
    listener_sd: float = math.nan
    clip_sd: float = math.nan
    residual_sd: float = math.nan
    problem: str = ""


def fit(ratings: pd.DataFrame, conditions: Sequence[str]) -> MixedModel:
    """Fit by restricted maximum likelihood (statsmodels).

    Args:
        ratings: with columns ``listener, dataset, utterance, condition, score``.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    conditions = [name for name in conditions if (ratings["condition"] == name).any()]
    data = ratings[ratings["condition"].isin(conditions)]
    clip = data["dataset"] + "/" + data["utterance"]
    crossed = {"listener": data["listener"].tolist(), "clip": clip.tolist()}
    scores = data["score"].to_numpy(dtype=np.float64)
    if problem := why_not(scores, ("condition", data["condition"].tolist()), crossed):
        return MixedModel(pd.DataFrame(), problem=problem)
    fixed = pd.get_dummies(pd.Categorical(data["condition"], conditions)).to_numpy(dtype=np.float64)
    random = [pd.get_dummies(column).to_numpy(dtype=np.float64) for column in (data["listener"], clip)]
    names = [[f"{kind}{index}" for index in range(part.shape[1])] for kind, part in zip("lc", random, strict=True)]
    parts = VCSpec(["listener", "clip"], [[name] for name in names], [[part] for part in random])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = MixedLM(scores, fixed, np.zeros(len(data)), exog_vc=parts)
            fitted = model.fit(reml=True)
        except (np.linalg.LinAlgError, ValueError) as error:
            return MixedModel(pd.DataFrame(), problem=f"it cannot be fitted ({error})")
    listener, clip_variance = (float(variance) for variance in fitted.vcomp)
    doubt = "" if fitted.converged else "; ".join(dict.fromkeys(str(one.message) for one in caught)) or "no convergence"
    return MixedModel(
        _contrasts(np.asarray(fitted.fe_params), np.asarray(fitted.cov_params()), conditions),
        math.sqrt(max(listener, 0.0)),
        math.sqrt(max(clip_variance, 0.0)),
        math.sqrt(float(fitted.scale)),
        doubt,
    )


def _contrasts(means: Array, covariance: Array, conditions: Sequence[str]) -> pd.DataFrame:
    lines = []
    for one, other in itertools.combinations(range(len(conditions)), 2):
        difference = means[one] - means[other]
        error = math.sqrt(covariance[one, one] + covariance[other, other] - 2 * covariance[one, other])
        half = stats.norm.ppf(0.975) * error
        p = 2 * stats.norm.sf(abs(difference) / error) if error else math.nan
        lines.append((conditions[one], conditions[other], difference, error, difference - half, difference + half, p))
    table = pd.DataFrame(lines, columns=["condition", "other", "difference", "standard_error", "low", "high", "p"])
    return table.assign(p_holm=holm(table["p"].to_numpy()))
