"""Variance of scores between random seeds compared with the variance between recordings."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from results.statistics.analysis import Analysis


def seed_frame(analysis: Analysis) -> pd.DataFrame:
    """One line per metric and system with several seeds.

    Columns besides dataset, method, steps and metric: ``recordings`` with several seeds; ``seeds``, their mean
    number; ``seed_sd``, the standard deviation between seeds of a recording, pooled; ``recording_sd``, that between
    recordings without the variance of seeds; ``icc``, the intraclass correlation: the recordings' share of the
    variance of single results; ``mean_sd``, the standard deviation between seeds of the mean over all recordings;
    ``widest``, the recording whose seeds differ most, and ``widest_sd``, their standard deviation.
    """
    columns = [
        *("dataset", "method", "steps", "metric", "recordings", "seeds", "seed_sd", "recording_sd", "icc"),
        *("mean_sd", "widest", "widest_sd"),
    ]
    records = []
    for metric, scores in analysis.panel.scores.items():
        count = np.isfinite(scores.samples).sum(axis=2)
        squares = np.nansum((scores.samples - scores.clips[:, :, None]) ** 2, axis=2)
        for at, system in enumerate(analysis.panel.systems):
            several = count[at] > 1
            if not several.any():
                continue
            of_clips = np.sqrt(squares[at, several] / (count[at, several] - 1))
            within = scores.seed_sd[at] ** 2
            present = count[at] > 0
            means = scores.clips[at, present]
            blur = within * float(np.mean(1 / count[at, present]))
            between = max(float(means.var(ddof=1)) - blur, 0.0) if means.size > 1 else math.nan
            total = between + within
            records.append(
                {
                    **{"dataset": analysis.panel.dataset, "method": system.method, "steps": system.steps},
                    **{"metric": metric, "recordings": int(several.sum()), "seeds": float(count[at, several].mean())},
                    **{"seed_sd": math.sqrt(within), "recording_sd": math.sqrt(between)},
                    "icc": between / total if total > 0 else math.nan,
                    "mean_sd": math.sqrt(within / present.sum()),
                    "widest": analysis.panel.clips[int(np.flatnonzero(several)[of_clips.argmax()])],
                    "widest_sd": float(of_clips.max()),
                }
            )
    return pd.DataFrame(records, columns=columns).astype({"steps": "Int64"})
