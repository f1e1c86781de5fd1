"""DTLN (Westhausen & Meyer, Interspeech 2020): a mask on spectra, then one on learned features, both by LSTMs."""

from __future__ import annotations

import numpy as np
import torch

from bench.core.types import Audio
from methods.base import Enhanced
from methods.known.base import KnownSystem, blocks
from methods.known.onnx import Network, passes

WINDOW, HOP = 512, 128
STATE = (1, 2, 128, 2)


class DTLN(KnownSystem):
    """The authors' model, trained on DNS Challenge 2020; frames of 32 ms every 8 ms, without a window."""

    weights = "dtln"
    sample_rate = 16000
    delay = WINDOW - HOP
    block = HOP
    latency = WINDOW

    def __init__(self) -> None:
        super().__init__()
        self._spectral = Network(self.files["model_1.onnx"])
        self._temporal = Network(self.files["model_2.onnx"])
        self.networks = (self._spectral, self._temporal)

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        heard, made = np.zeros(WINDOW, np.float32), np.zeros(WINDOW, np.float32)
        first = second = np.zeros(STATE, np.float32)
        enhanced = []
        before = [network.calls for network in self.networks]
        for block in blocks(noisy, HOP, self.delay):
            heard = np.concatenate([heard[HOP:], block])
            spectrum = np.fft.rfft(heard)
            magnitude = np.abs(spectrum)[None, None].astype(np.float32)
            mask, first = self._spectral.run({"input_2": magnitude, "input_3": first})
            estimate = np.fft.irfft(mask[0, 0] * spectrum)[None, None].astype(np.float32)
            frame, second = self._temporal.run({"input_4": estimate, "input_5": second})
            made = np.concatenate([made[HOP:], np.zeros(HOP, np.float32)]) + frame[0, 0]
            enhanced.append(made[:HOP])
        nfe = passes(self.networks, before, len(enhanced))
        return Enhanced(np.concatenate(enhanced)[self.delay : self.delay + noisy.size], nfe=nfe)
