"""Recognisers in the layout of Hugging Face transformers, from a folder or, by name, from its hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby

from bench.core.types import Audio, Tag
from metrics.base import distribution
from metrics.huggingface import hub_folder, hub_hash, loaded
from metrics.models import needed
from metrics.recognisers.base import Recogniser


class Transformers(Recogniser):
    """Words, by any of its models of automatic speech recognition (Whisper, wav2vec 2.0, ...).

    Args:
        model: a folder, or a name on the hub ("openai/whisper-small.en").

    Raises:
        UserError: transformers is not installed, or the model cannot be had.
    """

    def __init__(self, model: str = "openai/whisper-small.en") -> None:
        transformers = needed("transformers", "transformers")
        self._folder = hub_folder(model)
        self._pipeline = loaded(
            model, lambda: transformers.pipeline("automatic-speech-recognition", model=str(self._folder))
        )

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        # Whisper listens to 30 s at a time, and goes on from one stretch to the next by its time stamps.
        windowed = self._pipeline.type == "seq2seq_whisper" and speech.size > 30 * self.sample_rate
        options = {"return_timestamps": True} if windowed else {}
        heard = self._pipeline({"raw": speech.copy(), "sampling_rate": self.sample_rate}, **options)
        return str(heard["text"])

    def settings(self) -> Mapping[str, str]:
        return {"engine": distribution("transformers"), "model": hub_hash(self._folder)}


class Wav2Vec2Phonemes(Recogniser):
    """Phonemes, the likeliest at each time, by a wav2vec 2.0 network with a CTC output over them.

    Args:
        model: a folder, or a name on the hub.

    Raises:
        UserError: transformers is not installed, or the model cannot be had.
    """

    units = "phonemes"

    def __init__(self, model: str = "facebook/wav2vec2-lv-60-espeak-cv-ft") -> None:
        transformers = needed("transformers", "transformers")
        self._folder = hub_folder(model)
        self._network = loaded(model, lambda: transformers.Wav2Vec2ForCTC.from_pretrained(self._folder).eval())
        self._features = loaded(model, lambda: transformers.Wav2Vec2FeatureExtractor.from_pretrained(self._folder))
        vocabulary = loaded(model, lambda: json.loads((self._folder / "vocab.json").read_text(encoding="utf-8")))
        special = {self._network.config.pad_token_id}  # the blank
        self._symbols = {
            index: symbol
            for symbol, index in vocabulary.items()
            if index not in special and symbol != "|" and not (symbol.startswith("<") and symbol.endswith(">"))
        }

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        import torch

        values = self._features(speech, sampling_rate=self.sample_rate, return_tensors="pt").input_values
        if values.shape[1] < 400:  # one frame of the network
            return ""
        with torch.inference_mode():
            likeliest = self._network(values).logits[0].argmax(dim=-1).tolist()
        return " ".join(self._symbols[index] for index, _ in groupby(likeliest) if index in self._symbols)

    def settings(self) -> Mapping[str, str]:
        return {"engine": distribution("transformers"), "model": hub_hash(self._folder)}
