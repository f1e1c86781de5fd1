"""The level of a recording."""

from __future__ import annotations

import numpy as np

from metrics.base import Clip, Metric


class Level(Metric):
    """Root mean square, dB re full scale."""

    label = "Level"
    unit = "dB"
    needs_clean = False

    def compute(self, clip: Clip) -> float:
        return float(10 * np.log10(np.mean(np.square(clip.enhanced, dtype=np.float64))))
