"""Word error rate: what a recogniser gets wrong of the enhanced speech, in percent of the words that were said.

Substitutions, deletions and insertions over the words of the transcript, by the package ``jiwer``; it may exceed 100.
Over recordings it is pooled: all errors over all words. It measures speech and recogniser together; compare
figures of one recogniser only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bench.core.types import Score
from metrics.base import METRICS, Clip, Metric, Undefined
from metrics.recognisers.base import build


@METRICS.register("wer")
class WordErrorRate(Metric):
    """Word error rate of a speech recogniser, by default PocketSphinx.

    Args:
        recogniser: its name, or ``{name: whisper, model: small.en}``: pocketsphinx, whisper, transformers, nemo, or
            another package's.

    Raises:
        UserError: the recogniser or its model is missing.
    """

    label = "WER"
    unit = "%"
    higher_is_better = False
    aspect = "content"
    low = 0.0
    needs_clean = False
    needs_transcript = True
    sample_rate = 16000
    full_scale = True
    package = "jiwer"

    def __init__(self, recogniser: str | Mapping[str, Any] = "pocketsphinx") -> None:
        self.recogniser = build(recogniser, "words")
        self._name = recogniser if isinstance(recogniser, str) else str(recogniser["name"])

    def compute(self, clip: Clip) -> Score:
        from jiwer import process_words

        said = normalised(clip.transcript or "")
        if not said:
            raise Undefined("the transcript holds no word")
        heard = normalised(self.recogniser.recognise(clip.enhanced, clip.tags))
        found = process_words(said, heard)
        return Score.rate(
            found.substitutions + found.deletions + found.insertions,
            len(said.split()),
            substitutions=found.substitutions,
            deletions=found.deletions,
            insertions=found.insertions,
            recognised=heard,
        )

    def settings(self) -> Mapping[str, str]:
        return {"recogniser": self._name, **self.recogniser.settings()}


def normalised(text: str) -> str:
    """Lower case, without punctuation but for apostrophes within words, hyphens as spaces, single spaces."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text)
    return " ".join(words)
