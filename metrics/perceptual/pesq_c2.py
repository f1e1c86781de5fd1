"""Wide-band PESQ with corrigendum 2: MOS-LQO, 1.0 to 4.64, by ITU-T P.862.2 as P.862 corrigendum 2 (03/2018) has it.

The corrigendum attenuates the wide-band input filter by 12 dB, so that the loudness model is given the level it is
calibrated for; nothing else changes. Scores of noisy speech rise by about 0.6, by a different amount for each
recording, so that these are a column of their own. Nearly all papers print the scores without it (``pesq``).

The package ``pesq`` holds the filter's coefficients as variables. They are changed in the process that computes this
metric, and in no other. The package ``pesqc2`` (Torcoli et al., Fraunhofer IIS), which gives the same scores, demands
numpy 1.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.core.errors import UserError
from bench.core.types import Audio
from metrics.base import Clip
from metrics.isolated import Isolated
from metrics.perceptual import pesq
from metrics.perceptual.pesq import Pesq

GAIN = 0.251188
"""Of the input filter: -12 dB."""

FILTERS = ("WB_InIIR_Hsos_8k", "WB_InIIR_Hsos_16k")
"""Second-order sections as the ITU's code calls them: three coefficients of the numerator, two of the denominator."""


class PesqCorrigendum2(Pesq):
    """Wide band (50-7000 Hz) with corrigendum 2."""

    label = "PESQ-C2"

    def compute(self, clip: Clip) -> float:
        return pesq.pesq_score(clip.reference, clip.enhanced, clip.sample_rate, "wb", _isolated)

    def settings(self) -> Mapping[str, str]:
        return {**super().settings(), "corrigendum": "2 (03/2018)"}


def _call(clean: Audio, enhanced: Audio, sample_rate: int, mode: pesq.Mode) -> float:
    with corrected():
        return pesq.call(clean, enhanced, sample_rate, mode)


@contextmanager
def corrected() -> Iterator[None]:
    """The input filters of the package's code attenuated as the corrigendum demands.

    Raises:
        UserError: the package's build has no such variables.
    """
    from pesq import cypesq

    library = ctypes.CDLL(cypesq.__file__)
    try:
        filters: list[Any] = [(ctypes.c_float * 5).in_dll(library, name) for name in FILTERS]
    except ValueError:
        raise UserError("pesq_c2: this build of the package pesq hides its filters (those for Windows do)") from None
    published = [list(section) for section in filters]
    for section in filters:
        section[:3] = [GAIN * coefficient for coefficient in section[:3]]
    try:
        yield
    finally:
        for section, coefficients in zip(filters, published, strict=True):
            section[:] = coefficients


_isolated = Isolated(_call, "PESQ's code", pesq.SECONDS)
