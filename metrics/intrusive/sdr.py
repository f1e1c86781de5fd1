"""Signal-to-distortion ratio of BSS Eval, in dB: the energy of the enhanced speech that a short filter of the clean
speech explains, over the rest.

Vincent, Gribonval, Fevotte, "Performance Measurement in Blind Audio Source Separation", IEEE TASLP 2006: the enhanced
speech is projected on the clean speech and its delays by up to 511 samples, so that a gain, a short delay and a gentle
equaliser cost nothing. By torchmetrics, after Scheibler, "SDR - Medium Rare with Fast Computations", ICASSP 2022.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.core.errors import UserError
from metrics.base import Clip, Metric, Undefined


class Sdr(Metric):
    """At the recording's own sampling rate.

    Args:
        taps: length of the allowed distortion filter in samples, 512 in BSS Eval.

    Raises:
        UserError: ``taps`` is no whole number from 1 up.
    """

    label = "SDR"
    unit = "dB"
    min_seconds = 0.5
    package = "torchmetrics"

    def __init__(self, taps: int = 512) -> None:
        if not isinstance(taps, int) or isinstance(taps, bool) or taps < 1:
            raise UserError(f"taps: a whole number from 1 up; got {taps!r}")
        self.taps = taps

    def compute(self, clip: Clip) -> float:
        import torch
        from torchmetrics.functional.audio import signal_distortion_ratio

        if clip.reference.size < 4 * self.taps:
            raise Undefined(f"shorter than four times the filter of {self.taps} taps, which would fit anything")
        enhanced, clean = (torch.from_numpy(s.astype(np.float64)) for s in (clip.enhanced, clip.reference))
        try:
            ratio = float(signal_distortion_ratio(enhanced, clean, filter_length=self.taps))
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise Undefined(f"the clean reference has too few frequencies for a filter of {self.taps} taps") from error
        if not np.isfinite(ratio):
            raise Undefined("a filter of the clean speech is all there is: the ratio is infinite")
        return ratio

    def settings(self) -> Mapping[str, str]:
        return {"filter": f"{self.taps} taps", "means": "kept"}
