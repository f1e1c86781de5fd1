"""The level of a recording."""

from __future__ import annotations

import numpy as np

from bench.core.types import Audio
from metrics.base import Metric


class Level(Metric):
    """Root mean square, dB re full scale."""

    label = "Level"
    unit = "dB"
    needs_clean = False

    def compute(self, enhanced: Audio, clean: Audio | None, noisy: Audio, sample_rate: int) -> float:
        return float(10 * np.log10(np.mean(np.square(enhanced, dtype=np.float64))))
