"""Text normalisation before words are compared: different spellings of the same spoken words are made equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from bench.core.errors import did_you_mean
from metrics.base import distribution

PLAIN = "plain"
NAMES = (PLAIN, "whisper_english")

Normaliser = Callable[[str], str]
"""Text to words apart by single spaces."""


def normaliser(name: str) -> Normaliser:
    """The normaliser called ``name``, one of ``NAMES``.

    Raises:
        UserError: there is none.
    """
    if name == PLAIN:
        return normalised
    if name == "whisper_english":
        return whisper_english
    raise did_you_mean("normaliser", name, NAMES)


def version(name: str) -> str:
    """The package and version of a normaliser."""
    return PLAIN if name == PLAIN else distribution("whisper-normalizer") + ", English"


def normalised(text: str) -> str:
    """Lower case, without punctuation but for apostrophes within words, hyphens as spaces, single spaces."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text)
    return " ".join(words)


def whisper_english(text: str) -> str:
    """English as Whisper's authors compare it: numbers, currency, titles, contractions and British spelling made
    alike; hesitations and what stands in brackets left out (Radford et al., "Robust Speech Recognition via
    Large-Scale Weak Supervision", 2022, appendix C).
    """
    return str(_whisper()(text)).strip()


@cache
def _whisper() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()
