"""Perceptual evaluation of speech quality: MOS-LQO, 1.0 to 4.64, by ITU-T P.862.2 (wide) or P.862.1 (narrow band).

The value is that of the package ``pesq`` (the ITU's own code). That code holds at most 50 utterances,
separated by pauses of 0.2 s or more: keep recordings under a minute or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from metrics.base import METRICS, Clip, Metric, Undefined


@METRICS.register("pesq")
class Pesq(Metric):
    """Wide band (50-7000 Hz), as speech enhancement papers report it."""

    label = "PESQ"
    unit = "MOS"
    sample_rate = 16000
    min_seconds = 0.25
    package = "pesq"
    mode: ClassVar[Literal["wb", "nb"]] = "wb"
    band: ClassVar[str] = "50-7000 Hz"

    def compute(self, clip: Clip) -> float:
        from pesq import BufferTooShortError, NoUtterancesError, pesq

        try:
            return float(pesq(clip.sample_rate, clip.reference, clip.enhanced, self.mode))
        except BufferTooShortError as error:
            raise Undefined("shorter than 0.25 s") from error
        except NoUtterancesError as error:
            raise Undefined("no utterance detected in the clean reference") from error

    def settings(self) -> Mapping[str, str]:
        return {"mode": self.mode, "band": self.band}


@METRICS.register("pesq_nb")
class PesqNarrowBand(Pesq):
    """Narrow band (300-3400 Hz, telephone handset), at 16 kHz."""

    label = "PESQ-NB"
    mode = "nb"
    band = "300-3400 Hz"
