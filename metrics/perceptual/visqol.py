"""ViSQOL, speech mode: MOS-LQO, 1 to 5, from the similarity of two gammatone spectrograms.

Chinen, Lim, Skoglund, Gureev, O'Gorman, Hines, "ViSQOL v3: An Open Source Production Ready Objective Speech and Audio
Metric", QoMEX 2020, by the package ``visqol-python`` (Apache-2.0, models inside), which its tests hold to the C++ code.

Made for codecs, and trained on little noisy speech. The similarities become a score by a lattice network, as in the C++
program, or by the older exponential fit, called polynomial, which is about 1.5 higher; the two never share a column.

The score depends on the level of the recording, because the spectrograms' floor is absolute: three noisy recordings
brought to levels from -10 to -60 dB of full scale moved by 0.8 to 2.3. The package adapts the level of the enhanced
speech to the reference's, which stays as it is; below -60 dB the score is ``undefined``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np

from bench.core.errors import did_you_mean
from metrics.base import Clip, Metric, Undefined, distribution
from metrics.models import needed

MAPPINGS = ("lattice", "polynomial")

QUIETEST = 10 ** (-60 / 20)
"""Root mean square of the clean reference."""


class Visqol(Metric):
    """Needs the extra ``visqol``.

    Args:
        mapping: from similarities to a score, one of ``MAPPINGS``.

    Raises:
        UserError: there is no such mapping, or the package, or for the lattice its runtime, is not installed.
    """

    label = "ViSQOL"
    unit = "MOS"
    aspect = "quality"
    low, high = 1.0, 5.0
    sample_rate = 16000
    needs_band = 7000.0
    min_seconds = 0.7
    package = "visqol-python"

    def __init__(self, mapping: str = "lattice") -> None:
        if mapping not in MAPPINGS:
            raise did_you_mean("mapping", str(mapping), MAPPINGS)
        package = needed("visqol", "visqol")
        if mapping == "lattice":
            needed("ai_edge_litert", "visqol")
        self.mapping = mapping
        _single_threaded()
        self._api = package.VisqolApi()
        self._api.create(mode="speech", use_lattice_model=mapping == "lattice")

    def compute(self, clip: Clip) -> float:
        if np.ptp(clip.reference) == 0 or np.ptp(clip.enhanced) == 0:
            raise Undefined("a constant has no spectrogram to compare")
        if np.sqrt(np.mean(np.square(clip.reference, dtype=np.float64))) < QUIETEST:
            raise Undefined("the clean reference is below -60 dB of full scale, where ViSQOL hears next to nothing")
        signals = (signal.astype(np.float64) for signal in (clip.reference, clip.enhanced))
        try:
            return float(self._api.measure_from_arrays(*signals, clip.sample_rate).moslqo)
        except IndexError as error:
            raise Undefined("ViSQOL finds no stretch of active speech in the clean reference") from error

    def settings(self) -> Mapping[str, str]:
        runtime = f", {distribution('ai-edge-litert')}" if self.mapping == "lattice" else ""
        return {"mode": "speech", "mapping": self.mapping + runtime}


def _single_threaded() -> None:
    """Where numba is installed, the package runs its loops on all cores: the workers are the parallelism."""
    if find_spec("numba"):
        import numba

        numba.set_num_threads(1)
