"""The contract that every recogniser keeps, and the registry of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from bench.core.errors import UserError
from bench.core.registry import Registry
from bench.core.types import Audio, Tag


class Recogniser(ABC):
    """Speech to words, or to phonemes.

    Attributes:
        sample_rate: what it listens at, in Hz.
        units: "words" or "phonemes", as they stand in the answer, apart by spaces.
    """

    sample_rate: ClassVar[int] = 16000
    units: ClassVar[str] = "words"

    @abstractmethod
    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        """What is said in ``speech``, float32 ``[samples]``, whatever was heard before; empty where nothing is.

        Args:
            tags: the recording's; a recogniser may know how to listen to some kinds of speech.
        """

    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """What the answer depends on: package, model file's hash, grammar."""


RECOGNISERS: Registry[Recogniser] = Registry(
    "recogniser",
    "sebench.recognisers",
    {
        "pocketsphinx": "metrics.recognisers.sphinx:PocketSphinx",
        "pocketsphinx_phonemes": "metrics.recognisers.sphinx:PocketSphinxPhonemes",
        "whisper": "metrics.recognisers.whisper:Whisper",
        "transformers": "metrics.recognisers.huggingface:Transformers",
        "wav2vec2_phonemes": "metrics.recognisers.huggingface:Wav2Vec2Phonemes",
        "nemo": "metrics.recognisers.nemo:Nemo",
    },
)


def build(recogniser: str | Mapping[str, Any], units: str) -> Recogniser:
    """The recogniser of that name, or of ``{name: ..., option: ...}``.

    Raises:
        UserError: an unknown name or option, a package or model that is missing, or one that hears something else.
    """
    options = {"name": recogniser} if isinstance(recogniser, str) else dict(recogniser)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise UserError(f"recogniser: a name, or a mapping as {{name: whisper, model: small.en}}; got {recogniser}")
    built = RECOGNISERS.create(name, **options)
    if built.units != units:
        raise UserError(f"recogniser '{name}' answers in {built.units}, this metric needs {units}")
    return built
