"""Composite measures: predicted ratings, 1 to 5, of speech distortion, background intrusiveness and overall quality.

Hu and Loizou, "Evaluation of Objective Quality Measures for Speech Enhancement", IEEE TASLP 2008: regressions on
PESQ, LLR, WSS and segmental SNR. As everywhere since then, with wide-band PESQ in place of their narrow-band one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from metrics.base import Aspect, Clip, Metric, distribution
from metrics.intrusive.frames import SILENCE, framed_pair, trimmed_mean
from metrics.intrusive.llr import llr, order
from metrics.intrusive.segmental_snr import segmental_snr
from metrics.intrusive.wss import wss
from metrics.perceptual.pesq import Pesq, wide_band


@dataclass(frozen=True)
class Measures:
    """The inputs of the regressions for one clip: PESQ (MOS-LQO), LLR, WSS, and segmental SNR in dB."""

    pesq: float
    llr: float
    wss: float
    ssnr: float


class _Composite(Metric):
    unit = "MOS"
    aspect: ClassVar[Aspect] = "dimension"
    low, high = 1.0, 5.0
    sample_rate = 16000
    needs_band = Pesq.needs_band
    min_seconds = 0.25
    revision = 2

    def compute(self, clip: Clip) -> float:
        return min(max(self.rating(clip.once(measures_of)), 1.0), 5.0)

    @abstractmethod
    def rating(self, measures: Measures) -> float:
        """The regression."""

    def settings(self) -> Mapping[str, str]:
        return {"pesq": f"{distribution('pesq')} {Pesq.mode}", "limits": "1 to 5", "silence": SILENCE}


def measures_of(clip: Clip) -> Measures:
    """What the three regressions have in common.

    Raises:
        Undefined: as PESQ, or the clean speech is silent.
    """
    ours, theirs = framed_pair(clip)
    return Measures(
        pesq=clip.once(wide_band),
        llr=trimmed_mean(llr(ours, theirs, order(clip.sample_rate))),
        wss=trimmed_mean(wss(ours, theirs, clip.sample_rate)),
        ssnr=float(segmental_snr(ours, theirs).mean()),
    )


class SignalDistortion(_Composite):
    """Speech distortion (CSIG), 1 to 5; 5: not distorted."""

    label = "CSIG"

    def rating(self, measures: Measures) -> float:
        return 3.093 - 1.029 * measures.llr + 0.603 * measures.pesq - 0.009 * measures.wss


class Background(_Composite):
    """Background intrusiveness (CBAK), 1 to 5; 5: not noticeable."""

    label = "CBAK"

    def rating(self, measures: Measures) -> float:
        return 1.634 + 0.478 * measures.pesq - 0.007 * measures.wss + 0.063 * measures.ssnr


class Overall(_Composite):
    """Overall quality (COVL), 1 to 5; 5: excellent."""

    label = "COVL"
    aspect = "quality"

    def rating(self, measures: Measures) -> float:
        return 1.594 + 0.805 * measures.pesq - 0.512 * measures.llr - 0.007 * measures.wss
