"""Relative energy of the change that the second stage of a two-stage method makes to its predictor's estimate, in dB.

10 log10(|enhanced - estimate|^2 / |estimate|^2): stochastic regeneration (StoRM) and stochastic refinement start from a
prediction; low values show that the diffusion changes little of it. Descriptive: neither direction is better.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metrics.base import Clip, Metric, Undefined

LOWEST = -100.0
"""Where the two are equal."""


class EstimateDistance(Metric):
    """Energy of what the second stage changed, relative to the predictor's estimate."""

    label = "Moved"
    unit = "dB"
    higher_is_better = None
    low = LOWEST
    needs_clean = False
    needs_estimate = True

    def compute(self, clip: Clip) -> float:
        assert clip.estimate is not None
        estimate = clip.estimate.astype(np.float64)
        energy, moved = estimate @ estimate, np.sum((clip.enhanced - estimate) ** 2)
        if energy == 0:
            raise Undefined("the predictor's estimate is silent")
        return max(LOWEST, float(10 * np.log10(moved / energy + 1e-30)))

    def settings(self) -> Mapping[str, str]:
        return {"floor": f"{LOWEST:g} dB"}
