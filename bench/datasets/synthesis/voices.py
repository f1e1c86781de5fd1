"""Who speaks: three groups of eSpeak voices that share neither accent nor variant.

A variant changes formants, pitch and voice quality. Left out are the whispered and the robot voices
and those with eSpeak's built-in echo, which would be a fault in a clean reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.datasets.synthesis.choose import choose

Split = Literal["train", "valid", "test"]
Sex = Literal["female", "male"]


@dataclass(frozen=True)
class Voice:
    """One speaker, by eSpeak's name of the accent and of the variant."""

    accent: str
    variant: str
    sex: Sex

    @property
    def name(self) -> str:
        return f"{self.accent}+{self.variant}"


@dataclass(frozen=True)
class Delivery:
    """How a voice speaks: ``synthesise``'s keywords."""

    words_per_minute: int
    pitch: int
    pitch_range: int
    seed: int


# The variants' sex as their files state it; where a file is silent, by median pitch.
_TRAIN_ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-x-gbclan")
_TRAIN_FEMALE = ("f1", "Annie", "belinda", "linda", "shelby", "steph", "steph2", "steph3")
_TRAIN_MALE = (
    *("m1", "m3", "m4", "m5", "m6", "m7", "m8", "Alex", "Denis", "Gene2", "Hugo", "Michael", "Mike", "Reed"),
    *("benjamin", "boris", "david", "edward", "grandpa", "iven", "john", "klatt2", "klatt4", "miguel"),
    *("norbert", "paul", "pedro", "sandro", "victor"),
)

VOICES: dict[Split, tuple[Voice, ...]] = {
    "train": (
        *(Voice(accent, variant, "female") for accent in _TRAIN_ACCENTS for variant in _TRAIN_FEMALE),
        *(Voice(accent, variant, "male") for accent in _TRAIN_ACCENTS for variant in _TRAIN_MALE),
    ),
    "valid": (
        Voice("en-gb-x-gbcwmd", "anika", "female"),
        Voice("en-gb-x-gbcwmd", "antonio", "male"),
        Voice("en-gb-x-gbcwmd", "Andy", "male"),
    ),
    "test": (
        Voice("en-gb-scotland", "Andrea", "female"),
        Voice("en-029", "grandma", "female"),
        Voice("en-us-nyc", "aunty", "female"),
        Voice("en-gb-scotland", "ian", "male"),
        Voice("en-029", "ed", "male"),
        Voice("en-us-nyc", "Nguyen", "male"),
    ),
}


def draw_voice(rng: np.random.Generator, split: Split) -> Voice:
    """A voice of ``split``, female and male equally often."""
    sex = choose(rng, ("female", "male"))
    return choose(rng, [voice for voice in VOICES[split] if voice.sex == sex])


def draw_delivery(rng: np.random.Generator) -> Delivery:
    """Rate, pitch (about ± 3 semitones) and intonation around what sounds natural."""
    return Delivery(
        words_per_minute=int(rng.integers(140, 196)),
        pitch=int(rng.integers(30, 71)),
        pitch_range=int(rng.integers(35, 71)),
        seed=int(rng.integers(1, 2**31)),
    )
