"""GTCRN (Rong et al., ICASSP 2024): a causal network of 48 thousand parameters on spectra."""

from __future__ import annotations

import numpy as np
import torch

from bench.core.types import Audio
from methods.base import Enhanced
from methods.known.base import KnownSystem
from methods.known.onnx import Network, passes

WINDOW, HOP = 512, 256

CACHES = {"conv_cache": (2, 1, 16, 16, 33), "tra_cache": (2, 3, 1, 1, 16), "inter_cache": (2, 1, 33, 16)}
"""The network's state between frames, zero at a clip's start."""


class GTCRN(KnownSystem):
    """The authors' streaming model, trained on DNS Challenge 3; square-root Hann windows of 32 ms, half overlapping.

    Frames are centred on the samples that they give back, so nothing lags. On a stream it is 32 ms late.
    """

    weights = "gtcrn"
    sample_rate = 16000
    block = HOP
    latency = WINDOW

    def __init__(self) -> None:
        super().__init__()
        self._network = Network(self.files["gtcrn_simple.onnx"])
        self.networks = (self._network,)
        self._window = np.sqrt(np.hanning(WINDOW + 1)[:-1])

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        padded = np.pad(noisy, (HOP, WINDOW + -noisy.size % HOP))
        enhanced = np.zeros(padded.size)
        state = {name: np.zeros(shape, np.float32) for name, shape in CACHES.items()}
        starts, before = range(0, padded.size - WINDOW + 1, HOP), self._network.calls
        for start in starts:
            spectrum = np.fft.rfft(padded[start : start + WINDOW] * self._window)
            mix = np.stack([spectrum.real, spectrum.imag], axis=-1)[None, :, None].astype(np.float32)
            masked, *caches = self._network.run({"mix": mix, **state})
            state = dict(zip(CACHES, caches, strict=True))
            frame = np.fft.irfft(masked[0, :, 0, 0] + 1j * masked[0, :, 0, 1])
            enhanced[start : start + WINDOW] += frame * self._window
        nfe = passes(self.networks, [before], len(starts))
        return Enhanced(enhanced[HOP : HOP + noisy.size].astype(np.float32), nfe=nfe)
