"""Word error rate of a speech recogniser on the enhanced speech, in percent of the words of the transcript.

Substitutions, deletions and insertions over the words of the transcript, by the package ``jiwer``; it may exceed 100.
Over recordings it is pooled: all errors, those heard where nothing is said among them, over all words. It measures
speech and recogniser together; compare figures of one recogniser and one normaliser only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.core.types import Score
from metrics.base import Clip, Metric
from metrics.intelligibility import normalisers
from metrics.recognisers.base import build


class WordErrorRate(Metric):
    """Word error rate of a speech recogniser, by default PocketSphinx.

    Args:
        recogniser: its name, or ``{name: whisper, model: small.en}``: pocketsphinx, whisper, transformers, nemo, or
            another package's.
        normaliser: differences that are not counted as errors: plain (case and punctuation), or whisper_english
            (numbers, currency, titles, contractions and British spelling too).

    Raises:
        UserError: there is no such normaliser, or the recogniser or its model is missing.
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

    def __init__(
        self, recogniser: str | Mapping[str, Any] = "pocketsphinx", normaliser: str = normalisers.PLAIN
    ) -> None:
        self._normalised = normalisers.normaliser(normaliser)
        self._normaliser = normaliser
        self.recogniser = build(recogniser, "words")
        self._name = recogniser if isinstance(recogniser, str) else str(recogniser["name"])

    def compute(self, clip: Clip) -> Score:
        from jiwer import process_words

        said = self._normalised(clip.transcript or "")
        heard = self._normalised(self.recogniser.recognise(clip.enhanced, clip.tags))
        if not said:
            return _invented(heard)
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
        plain = self._normaliser == normalisers.PLAIN  # what scores without a word about it were normalised by
        normaliser = {} if plain else {"normaliser": normalisers.version(self._normaliser)}
        return {"recogniser": self._name, **self.recogniser.settings(), **normaliser}


def _invented(heard: str) -> Score:
    """Where nothing is said, whatever is heard counts as inserted; over recordings, that is: alone it is no rate."""
    count = len(heard.split())
    return Score(
        *(None, "undefined", f"the transcript holds no word; {count} were heard", count, 0),
        {"substitutions": 0, "deletions": 0, "insertions": count, "recognised": heard},
    )
