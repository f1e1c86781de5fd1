"""Levenshtein phoneme similarity: the share of the clean speech's phonemes that is recognised in the enhanced.

Pirklbauer et al., "Evaluation Metrics for Generative Speech Enhancement Methods: Issues and Perspectives", ITG Speech
Communication 2023: 1 minus the edit distance of the two sequences of phonemes, over the length of the clean one's. It
needs no transcript. It decreases where a generative method changes phonemes, and is negative where it adds many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.core.types import Score
from metrics.base import Clip, Metric, Undefined
from metrics.recognisers.base import build


class PhonemeSimilarity(Metric):
    """Phoneme similarity with the clean speech, up to 1.

    Args:
        recogniser: of phonemes: pocketsphinx_phonemes, or ``{name: wav2vec2_phonemes, model: ...}`` as the paper's.

    Raises:
        UserError: the recogniser or its model is missing.
    """

    label = "LPS"
    aspect = "content"
    high = 1.0
    sample_rate = 16000
    full_scale = True
    package = "rapidfuzz"

    def __init__(self, recogniser: str | Mapping[str, Any] = "pocketsphinx_phonemes") -> None:
        self.recogniser = build(recogniser, "phonemes")
        self._name = recogniser if isinstance(recogniser, str) else str(recogniser["name"])

    def compute(self, clip: Clip) -> Score:
        from rapidfuzz.distance import Levenshtein

        clean = clip.once_per_recording(self._of_clean)
        if not clean:
            raise Undefined("no phoneme recognised in the clean reference")
        enhanced = self.recogniser.recognise(clip.enhanced, clip.tags).split()
        distance = Levenshtein.distance(clean, enhanced)
        return Score(1 - distance / len(clean), detail={"distance": distance, "phonemes": len(clean)})

    def _of_clean(self, clip: Clip) -> list[str]:
        return self.recogniser.recognise(clip.reference, clip.tags).split()

    def settings(self) -> Mapping[str, str]:
        return {"recogniser": self._name, **self.recogniser.settings()}
