"""CMU PocketSphinx with the American English model of its package: small, offline, not robust to noise.

It was trained on clean read speech; its error rates are far above those of recognisers trained on large amounts of
data. A grammar lowers them most where the vocabulary is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.core.audio import quantised
from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from metrics.base import distribution
from metrics.models import model_file, sha256
from metrics.recognisers.base import Recogniser

GRID = Path(__file__).with_name("grid.jsgf")
COMMANDS = "text", "command"
"""The tag of recordings that hold commands as the GRID corpus's."""

ACOUSTIC = ("mdef", "means", "variances", "transition_matrices", "sendump", "feat.params", "noisedict")
WORDS, PHONEMES, DICTIONARY = "en-us.lm.bin", "en-us-phone.lm.bin", "cmudict-en-us.dict"


class PocketSphinx(Recogniser):
    """Words, by the package's language model or by a grammar.

    Args:
        grammar: "auto": GRID's for recordings tagged ``text: command``, the language model for others; "grid";
            "none"; or a JSGF file.

    Raises:
        UserError: no such file, or not a grammar.
    """

    def __init__(self, grammar: str = "auto") -> None:
        self.grammar = grammar
        self._file = GRID
        if grammar not in ("auto", "grid", "none"):
            self._file = model_file(grammar, "pocketsphinx", "grammar is one of auto, grid, none, or a JSGF file")
            _ = self._by_grammar

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        free = self.grammar == "none" or (self.grammar == "auto" and tags.get(COMMANDS[0]) != COMMANDS[1])
        return _hear(self._by_language_model if free else self._by_grammar, speech)

    def settings(self) -> Mapping[str, str]:
        grammar = "none" if self.grammar == "none" else f"{self._file.name} {sha256(self._file)}"
        return {**_settings(WORDS), "grammar": f"auto, {grammar}" if self.grammar == "auto" else grammar}

    @cached_property
    def _by_language_model(self) -> Any:
        return _decoder(lm=str(_models() / WORDS))

    @cached_property
    def _by_grammar(self) -> Any:
        decoder = _decoder()
        try:
            decoder.add_jsgf_file("grammar", str(self._file))
            decoder.activate_search("grammar")
        except (RuntimeError, ValueError) as error:
            raise UserError(f"pocketsphinx: {self._file}: not a JSGF grammar of words that it knows") from error
        return decoder


class PocketSphinxPhonemes(Recogniser):
    """ARPAbet phonemes, by the package's phoneme language model; silence and noises left out."""

    units = "phonemes"

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        heard = _hear(self._decoder, speech).split()
        return " ".join(phoneme for phoneme in heard if phoneme.isalpha() and phoneme != "SIL")

    def settings(self) -> Mapping[str, str]:
        return _settings(PHONEMES)

    @cached_property
    def _decoder(self) -> Any:
        return _decoder(allphone=str(_models() / PHONEMES), lw=2.0, beam=1e-20, pbeam=1e-20)


def _models() -> Path:
    import pocketsphinx

    return Path(pocketsphinx.get_model_path()) / "en-us"


def _settings(language_model: str) -> Mapping[str, str]:
    files = [_models() / "en-us" / name for name in ACOUSTIC] + [_models() / language_model, _models() / DICTIONARY]
    return {
        "engine": distribution("pocketsphinx"),
        "model": sha256(*files),
        "adaptation": "none from recording to recording",  # versions that do not say so had some
        "samples": "the nearest of 16 bits",  # others had them one less than in a file of 16 bits
    }


def _decoder(**options: Any) -> Any:
    """A decoder that normalises each recording by itself: what it hears does not depend on what it heard before."""
    from pocketsphinx import Config, Decoder

    acoustic, dictionary = str(_models() / "en-us"), str(_models() / DICTIONARY)
    return Decoder(Config(hmm=acoustic, dict=dictionary, cmn="batch", loglevel="FATAL", **options))


def _hear(decoder: Any, speech: Audio) -> str:
    if speech.size == 0:  # a sample at a high rate: nothing is left of it, and the decoder refuses nothing
        return ""
    decoder.reinit_feat()  # else it would hear with what it learnt of the last recording's channel
    decoder.start_utt()
    try:
        decoder.process_raw(quantised(speech).astype("<i2").tobytes(), no_search=False, full_utt=True)
    finally:  # else it would refuse every later recording
        decoder.end_utt()
    heard = decoder.hyp()
    return heard.hypstr if heard else ""
