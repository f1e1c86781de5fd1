"""Chirps in white noise."""

from __future__ import annotations

import hashlib

import numpy as np

from bench.core.types import Utterance
from bench.datasets.base import Dataset


class Chirps(Dataset):
    """So many rising tones of half a second in white noise."""

    name = "chirps"

    def __init__(self, count: int = 3) -> None:
        self.count = count

    def ids(self) -> list[str]:
        return [f"chirp{index}" for index in range(self.count)]

    def load(self, utterance: str) -> Utterance:
        index = self.ids().index(utterance)
        t = np.arange(8000) / 16000
        clean = (0.5 * np.sin(2 * np.pi * (300 + 200 * index + 400 * t) * t)).astype(np.float32)
        noise = 0.05 * np.random.default_rng(index).normal(size=t.size).astype(np.float32)
        return Utterance(utterance, clean + noise, 16000, clean, tags={"start_hz": 300 + 200 * index})

    def fingerprint(self) -> str:
        return hashlib.sha256(f"chirps {self.count}".encode()).hexdigest()
