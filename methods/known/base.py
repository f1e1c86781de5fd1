"""What the known systems share: weights of the catalogue, a delay to compensate, a level."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.core.types import Audio
from methods.base import Method
from methods.catalogue import cache
from methods.catalogue.entry import entry


class KnownSystem(Method):
    """A system with its authors' weights, which ``bench weights get`` fetches.

    Attributes:
        weights: its entry in the catalogue.
        delay: how far its output lags behind the input, in samples at its own rate; compensated here.
        streaming: it is causal, and works on a stream.

    Raises:
        UserError: its weights are not here.
    """

    weights: ClassVar[str]
    delay: ClassVar[int] = 0
    streaming: ClassVar[bool] = True
    paradigm: ClassVar[str] = "predictive"

    def __init__(self) -> None:
        self.files: dict[str, Path] = cache.files(self.weights)
        self.digests = cache.digests(self.weights)

    def provenance(self) -> dict[str, Any]:
        """The catalogue's entry, the files' SHA-256, and what was compensated."""
        about = entry(self.weights)
        return {
            "weights": about.name,
            "source": dict(about.source),
            "licence": about.licence,
            "training": list(about.training),
            "weights_sha256": self.digests,
            "delay_samples": self.delay,
        }


def blocks(signal: Audio, size: int, delay: int) -> Audio:
    """``signal`` with ``delay`` zeros behind it, filled up with zeros to whole blocks: ``[blocks, size]``."""
    behind = delay + -(signal.size + delay) % size
    return np.pad(signal, (0, behind)).reshape(-1, size)


def levelled(signal: Audio, dbfs: float) -> tuple[Audio, float]:
    """``signal`` at a root mean square of ``dbfs`` dB of full scale, and the gain that did it; silence as it is."""
    rms = float(np.sqrt(np.mean(signal.astype(np.float64) ** 2)))
    gain = 10 ** (dbfs / 20) / rms if rms > 0 else 1.0
    return (signal * gain).astype(np.float32), gain
