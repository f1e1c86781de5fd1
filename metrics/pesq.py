"""Perceptual evaluation of speech quality: MOS-LQO, 1.0 to 4.64, by ITU-T P.862.2 (wide) or P.862.1 (narrow band).

The value is that of the package ``pesq`` (the ITU's own code). That code holds at most 50 utterances,
separated by pauses of 0.2 s or more: keep recordings under a minute or two.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import ClassVar, Literal

from bench.core.types import Audio
from metrics.base import METRICS, Metric, Undefined


@METRICS.register("pesq")
class Pesq(Metric):
    """Wide band (50-7000 Hz), as speech enhancement papers report it."""

    label = "PESQ"
    unit = "MOS"
    sample_rate = 16000
    min_seconds = 0.25
    mode: ClassVar[Literal["wb", "nb"]] = "wb"

    def compute(self, enhanced: Audio, clean: Audio | None, noisy: Audio, sample_rate: int) -> float:
        from pesq import BufferTooShortError, NoUtterancesError, pesq

        assert clean is not None
        try:
            return float(pesq(sample_rate, clean, enhanced, self.mode))
        except BufferTooShortError as error:
            raise Undefined("shorter than 0.25 s") from error
        except NoUtterancesError as error:
            raise Undefined("no utterance detected in the clean reference") from error

    def version(self) -> str:
        return f"pesq {version('pesq')}, {self.mode}, 16 kHz"


@METRICS.register("pesq_nb")
class PesqNarrowBand(Pesq):
    """Narrow band (300-3400 Hz, telephone handset), at 16 kHz."""

    label = "PESQ-NB"
    mode = "nb"
