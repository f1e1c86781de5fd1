"""A mixed-effects model of one metric, on request: variance components and contrasts between systems.

    score = mean + system + speaker + speaker x system + recording + rest

Systems are fixed effects; speakers, speaker-by-system interactions and recordings are random effects (Baayen,
Davidson, Bates, "Mixed-effects modeling with crossed random effects for subjects and items", Journal of Memory
and Language 59, 2008). Scores are averaged over seeds first, so that seeds do not count as more data. Unlike the
leaderboard's paired comparisons, the model also uses recordings that only some systems have a score for, and it
assumes normal effects. A rate enters per recording, not pooled. Fitted by restricted maximum likelihood.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.core.errors import UserError
from results.statistics.analysis import Analysis
from results.statistics.estimable import why_not
from results.statistics.panel import RECORDING

_SUITS = "interaction"
COLUMNS = [
    *("dataset", "metric", "kind", "term", "method", "steps", "estimate", "se", "ci_low", "ci_high", "p"),
    *("recordings", "units", "note"),
]


def mixed_frame(analysis: Analysis, metric: str) -> pd.DataFrame:
    """One line per contrast of a system with the first one listed, and per standard deviation of a random effect.

    P-values and intervals of contrasts are Wald's: with few speakers they are too optimistic. ``note`` tells if an
    effect has no variance or the fit did not converge; a model that cannot be fitted is one line with the reason.
    Empty where fewer than two systems or recordings have scores.

    Raises:
        UserError: statsmodels is not installed.
    """
    data = _long(analysis, metric)
    if data["system"].nunique() < 2 or data["recording"].nunique() < 2:
        return pd.DataFrame(columns=COLUMNS)
    fit, note = _estimated(data, analysis.panel.unit)
    records = [{"kind": "none"}] if fit is None else [*_contrasts(analysis, fit), *_deviations(analysis, fit)]
    about = {
        **{"dataset": analysis.panel.dataset, "metric": metric, "note": note},
        **{"recordings": data["recording"].nunique(), "units": data["unit"].nunique()},
    }
    return pd.DataFrame([{**about, **record} for record in records], columns=COLUMNS).astype({"steps": "Int64"})


def _contrasts(analysis: Analysis, fit: Any) -> Iterator[dict[str, Any]]:
    """The fixed effects, relative to the first system, which is the model's reference level."""
    systems = [analysis.panel.systems[number] for number in sorted(set(fit.model.data.frame["system"]))]
    ends = fit.conf_int(alpha=analysis.options.level)
    for system, name in zip(systems[1:], fit.fe_params.index[1:], strict=True):
        yield {
            **{"kind": "contrast", "term": f"minus {systems[0].label}", "method": system.method, "steps": system.steps},
            **{"estimate": fit.fe_params[name], "se": fit.bse_fe[name], "p": fit.pvalues[name]},
            **{"ci_low": ends.loc[name, 0], "ci_high": ends.loc[name, 1]},
        }


def _deviations(analysis: Analysis, fit: Any) -> Iterator[dict[str, Any]]:
    unit = analysis.panel.unit
    named = {_SUITS: f"{unit} x system", RECORDING: RECORDING}
    variances = {
        unit: np.asarray(fit.cov_re)[0, 0],
        **{named[name]: variance for name, variance in zip(fit.model.exog_vc.names, fit.vcomp, strict=True)},
        "rest": fit.scale,
    }
    for term, variance in variances.items():
        yield {"kind": "sd", "term": term, "estimate": float(np.sqrt(variance))}


def _long(analysis: Analysis, metric: str) -> pd.DataFrame:
    """Clip means with the numbers of their system, recording and unit."""
    values = analysis.panel.scores[metric].clips
    systems, clips = np.nonzero(np.isfinite(values))
    units = analysis.panel.units[clips]
    return pd.DataFrame({"score": values[systems, clips], "system": systems, "recording": clips, "unit": units})


def _estimated(data: pd.DataFrame, unit: str) -> tuple[Any, str]:
    """The fit and a note; the fit is None where the variances cannot be estimated."""
    random = {unit: data["unit"].tolist(), **({RECORDING: data["recording"].tolist()} if _grouped(data) else {})}
    problem = why_not(data["score"].to_numpy(dtype=np.float64), ("system", data["system"].tolist()), random)
    return (None, problem) if problem else _fit(_model(data))


def _grouped(data: pd.DataFrame) -> bool:
    """Whether recordings lie within larger units."""
    return bool(data["unit"].nunique() < data["recording"].nunique())


def _model(data: pd.DataFrame) -> Any:
    """The model; recordings are a random effect only where they are grouped into larger units."""
    try:
        from statsmodels.formula.api import mixedlm
    except ImportError as error:
        raise UserError("mixed: needs statsmodels; pip install 'sebench[statistics]'") from error
    effects = {_SUITS: "0 + C(system)", RECORDING: "0 + C(recording)"} if _grouped(data) else None
    return mixedlm("score ~ C(system)", data, groups="unit", re_formula="1", vc_formula=effects)


def _fit(model: Any) -> tuple[Any, str]:
    """The first fit that converges, else the last fit, else None; and a note."""
    fit = None
    for method in ("lbfgs", "powell", "nm"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit records the same information
            try:
                fit = model.fit(reml=True, method=method)
            except np.linalg.LinAlgError:  # on the boundary, where an effect has no variance
                continue
        if fit.converged:
            break
    if fit is None:
        return None, "could not be fitted"
    variances = [np.asarray(fit.cov_re)[0, 0], *fit.vcomp]
    notes = ["an effect has no variance"] * any(variance < 1e-4 * fit.scale for variance in variances)
    return fit, "; ".join(notes + ["did not converge"] * (not fit.converged))
