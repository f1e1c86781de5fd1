"""A check of headphones by antiphase tones.

Of three tones of 200 Hz one is 6 dB quieter, and another has opposite phases in both ears. From loudspeakers the latter
cancels in the air and sounds quietest (Woods et al., "Headphone screening to facilitate web-based auditory
experiments", Attention, Perception, & Psychophysics 79, 2017). Listeners with headphones find the quieter one in at
least five of six.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np

from bench.core.types import Audio

Place = Literal["first", "second", "third"]

RATE = 48_000
FREQUENCY, DURATION, RAMP, PAUSE = 200.0, 1.0, 0.1, 0.5
"""Hz and seconds."""

AMPLITUDE, QUIETER = 0.1, 10 ** (-6 / 20)
PASSED = 5
"""Right answers of six that are needed."""


def trials() -> Iterator[tuple[Place, Audio]]:
    """The six orders of the three tones: the place of the quieter one, and the samples ``[time, 2]`` at ``RATE``."""
    places: tuple[Place, ...] = ("first", "second", "third")
    for order in itertools.permutations(("standard", "quieter", "antiphase")):
        parts = [_tone(kind) for kind in order]
        pause = np.zeros((round(PAUSE * RATE), 2), dtype=np.float32)
        yield places[order.index("quieter")], np.concatenate([parts[0], pause, parts[1], pause, parts[2]])


def _tone(kind: str) -> Audio:
    t = np.arange(round(DURATION * RATE)) / RATE
    ramp = np.minimum(1, np.minimum(t, DURATION - t) / RAMP)
    left = (
        AMPLITUDE
        * (QUIETER if kind == "quieter" else 1)
        * np.sin(np.pi / 2 * ramp) ** 2
        * np.sin(2 * np.pi * FREQUENCY * t)
    )
    return np.stack([left, -left if kind == "antiphase" else left], axis=1).astype(np.float32)
