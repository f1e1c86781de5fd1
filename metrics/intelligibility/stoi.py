"""Short-time objective intelligibility, STOI and its extended form ESTOI: -1 to 1, from the package ``pystoi``.

Taal, Hendriks, Heusdens, Jensen, "An Algorithm for Intelligibility Prediction of Time-Frequency Weighted Noisy Speech",
IEEE TASLP 2011; Jensen and Taal, "An Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise
Maskers", IEEE/ACM TASLP 2016. Silent frames of the clean speech are left out; the rest must fill one segment of 30
frames (about 0.4 s).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import numpy as np

from metrics.base import Clip, Metric, Undefined


@contextmanager
def _own_numpy_randomness() -> Iterator[None]:
    """Seed numpy's global generator, and restore its state afterwards.

    ``pystoi`` adds noise of 1e-16 from it to avoid divisions by zero. Seeded, the value is the same
    to the last bit whatever was drawn before; put back, whatever is drawn after is the same too.
    """
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


class Stoi(Metric):
    """The correlation of short-time third-octave envelopes with those of the clean speech."""

    label = "STOI"
    aspect = "intelligibility"
    low, high = -1.0, 1.0
    package = "pystoi"
    min_seconds = 0.4
    extended: ClassVar[bool] = False

    def compute(self, clip: Clip) -> float:
        from pystoi import stoi

        reference, estimate = clip.reference.astype(np.float64), clip.enhanced.astype(np.float64)
        with warnings.catch_warnings(), _own_numpy_randomness():
            warnings.filterwarnings("error", message="Not enough STFT frames")
            try:
                return float(stoi(reference, estimate, clip.sample_rate, extended=self.extended))
            except RuntimeWarning as warning:  # pystoi would return 1e-5
                raise Undefined("less than 0.4 s of speech is left without the silent frames") from warning

    def settings(self) -> Mapping[str, str]:
        return {"mode": "extended" if self.extended else "classic", "band": "10 kHz, resampled by the package"}


class Estoi(Stoi):
    """As STOI, with segments normalised over bands as well: valid for modulated noise."""

    label = "ESTOI"
    extended = True
