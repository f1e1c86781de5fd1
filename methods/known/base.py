"""What the known systems share: weights of the catalogue, a delay to compensate, a level."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.core.types import Audio
from methods.base import Method
from methods.catalogue import cache
from methods.catalogue.entry import entry
from methods.known.onnx import Network


class KnownSystem(Method):
    """A system with its authors' weights, which ``bench weights get`` fetches.

    Attributes:
        weights: its entry in the catalogue.
        delay: how far its output lags behind the input, in samples at its own rate; compensated here.
        block: by how many samples it goes on at a time, at its own rate.
        latency: how many samples later a sample comes out on a stream, the block that it waits for included.
        streaming: it is causal, and works on a stream.
        networks: those that are run frame by frame, a block each; empty where they are inside a library.

    Raises:
        UserError: its weights are not here.
    """

    weights: ClassVar[str]
    delay: ClassVar[int] = 0
    block: ClassVar[int]
    latency: ClassVar[int]
    sample_rate: int
    streaming: ClassVar[bool] = True
    paradigm: ClassVar[str] = "predictive"

    def __init__(self) -> None:
        self.files: dict[str, Path] = cache.files(self.weights)
        self.digests = cache.digests(self.weights)
        self.networks: tuple[Network, ...] = ()

    def cost(self) -> dict[str, float]:
        """Latency on a stream; parameters and multiply-accumulates a second where the networks can be looked into."""
        return {"algorithmic_latency_ms": 1000 * self.latency / self.sample_rate, **self.counted}

    @cached_property
    def counted(self) -> dict[str, float]:
        """``parameters`` and ``macs_per_second`` of its networks; empty where there are none to count."""
        if not self.networks:
            return {}
        macs = self.per_second * sum(network.macs for network in self.networks)
        return {"parameters": float(sum(network.parameters for network in self.networks)), "macs_per_second": macs}

    @property
    def per_second(self) -> float:
        """Blocks of a second."""
        return self.sample_rate / self.block

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
