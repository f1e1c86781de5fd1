"""Signals whose scores are known, or that no score exists for."""

from __future__ import annotations

import numpy as np

from bench.core.types import Audio, Utterance

RATE = 16000


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE) -> Audio:
    """A sine of amplitude 1; tones of different whole ``hertz`` are orthogonal over a whole second."""
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def syllables(seconds: float = 2.0, seed: int = 0, rate: int = RATE) -> Audio:
    """Noise with a 4 Hz envelope: enough like speech for metrics that look for utterances."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    envelope = np.sin(np.pi * 4 * np.arange(noise.size) / rate) ** 2
    return (0.1 * noise * envelope).astype(np.float32)


def hiss(like: Audio, level: float, seed: int = 1) -> Audio:
    """White noise as long as ``like``, of standard deviation ``level``."""
    return (level * np.random.default_rng(seed).standard_normal(like.size)).astype(np.float32)


def pair(clean: Audio | None, noisy: Audio, rate: int = RATE) -> Utterance:
    return Utterance("clip", noisy, rate, clean)
