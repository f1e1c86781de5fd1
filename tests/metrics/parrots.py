"""Recognisers that hear at once what a test wants them to: a real one takes seconds for a recording."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.core.types import Audio, Tag
from metrics.recognisers.base import RECOGNISERS, Recogniser


@RECOGNISERS.register("parrot")
class Parrot(Recogniser):
    """Hears ``words``, or in quiet recordings ``quiet``."""

    def __init__(self, words: str = "", quiet: str = "") -> None:
        self.words, self.quiet = words, quiet

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        return self.words if np.abs(speech).max() > 0.05 else self.quiet

    def settings(self) -> Mapping[str, str]:
        return {"engine": "parrot 1"}


@RECOGNISERS.register("phoneme_parrot")
class PhonemeParrot(Parrot):
    units = "phonemes"
