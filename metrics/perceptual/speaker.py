"""Speaker similarity: the cosine of two speaker embeddings, of the clean and of the enhanced speech, up to 1.

By a network of speaker verification in the layout of Hugging Face transformers, by default WavLM with x-vectors
(Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech Processing", 2022). Low values show
that a generative method changed the voice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Clip, Metric, Undefined
from metrics.huggingface import hub_folder, hub_hash, loaded
from metrics.models import needed


class SpeakerSimilarity(Metric):
    """Needs the extra ``transformers``.

    Args:
        model: a folder, or a name on Hugging Face's hub, of a network with an x-vector head.

    Raises:
        UserError: transformers is not installed, or the model cannot be had.
    """

    label = "Speaker sim."
    aspect = "speaker"
    low, high = -1.0, 1.0
    sample_rate = 16000
    min_seconds = 0.5
    package = "transformers"

    def __init__(self, model: str = "microsoft/wavlm-base-plus-sv") -> None:
        transformers = needed("transformers", "transformers")
        self._folder = hub_folder(model)
        self._network = loaded(
            model, lambda: transformers.AutoModelForAudioXVector.from_pretrained(self._folder).eval()
        )
        self._features = loaded(model, lambda: transformers.AutoFeatureExtractor.from_pretrained(self._folder))

    def compute(self, clip: Clip) -> float:
        if np.ptp(clip.enhanced) == 0 or np.ptp(clip.reference) == 0:
            raise Undefined("a constant signal has no voice to compare")
        return float(clip.once_per_recording(self._of_clean) @ self._embedding(clip.enhanced))

    def _of_clean(self, clip: Clip) -> NDArray[np.float32]:
        return self._embedding(clip.reference)

    def _embedding(self, speech: Audio) -> NDArray[np.float32]:
        import torch

        values = self._features(speech, sampling_rate=self.sample_rate, return_tensors="pt").input_values
        with torch.inference_mode():
            embedding = self._network(values).embeddings[0].numpy()
        return np.asarray(embedding / np.linalg.norm(embedding))

    def settings(self) -> Mapping[str, str]:
        return {"model": hub_hash(self._folder)}
