"""From clean speech to a pair (clean, noisy): noise at an SNR, or a room."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.signal import fftconvolve

from bench.core.types import Audio
from bench.datasets.recipes.active_level import active_level
from bench.datasets.synthesis.rooms import Room

Level = Literal["rms", "active"]
"""What an SNR compares the noise's mean power with: the speech's over the whole file, or its active level (P.56)."""

TAIL = 0.5
"""Seconds of silence appended to the speech for the reverberation to decay."""


def power(signal: Audio) -> float:
    """Mean square over the whole signal."""
    return float(np.mean(np.square(signal, dtype=np.float64)))


def fit_noise(rng: np.random.Generator, noise: Audio, samples: int) -> Audio:
    """``samples`` of ``noise`` from a random position; looped if it is shorter."""
    return segment(noise, draw_start(rng, noise.size, samples), samples)


def draw_start(rng: np.random.Generator, size: int, samples: int) -> int:
    """A random position from which ``samples`` of a noise of ``size`` samples are taken."""
    looped = size if size >= samples else size * (-(-samples // size) + 1)
    return int(rng.integers(looped - samples + 1))


def segment(noise: Audio, start: int, samples: int) -> Audio:
    """``samples`` of ``noise`` from ``start``, looped if it is shorter."""
    if noise.size < samples:
        noise = np.tile(noise, -(-samples // noise.size) + 1)
    return noise[start : start + samples]


def add_noise(clean: Audio, noise: Audio, snr: float) -> Audio:
    """``clean`` plus ``noise`` at ``snr`` dB, the ratio of mean powers over the whole file.

    Raises:
        ValueError: one of them is silent, so that the SNR is undefined.
    """
    if power(clean) == 0 or power(noise) == 0:
        raise ValueError("an SNR needs speech and noise that are not silent")
    gain = np.sqrt(power(clean) / power(noise) / 10 ** (snr / 10))
    return clean + np.float32(gain) * noise


def level_of(speech: Audio, rate: int, level: Level) -> float:
    """Level of speech in dB of full scale: of its mean power over the whole file, or over its active parts (P.56)."""
    return active_level(speech, rate)[0] if level == "active" else 10 * float(np.log10(power(speech)))


def reverberate(speech: Audio, room: Room, rate: int) -> tuple[Audio, Audio]:
    """(anechoic, reverberant) speech in ``room``, aligned, both with a tail of 0.5 s."""
    samples = speech.size + round(TAIL * rate)

    def through(response: Audio) -> Audio:
        heard = fftconvolve(speech, response)[:samples]
        return np.pad(heard, (0, samples - heard.size)).astype(np.float32)

    return through(room.anechoic), through(room.reverberant)


def at_level(clean: Audio, noisy: Audio, level: float, peak: float = 0.98) -> tuple[Audio, Audio]:
    """Scale both by one gain: ``noisy`` to ``level`` dB re full scale, or lower if either would exceed ``peak``."""
    gain = 10 ** (level / 20) / np.sqrt(power(noisy))
    gain = np.float32(min(gain, peak / max(np.abs(noisy).max(), np.abs(clean).max())))
    return gain * clean, gain * noisy
