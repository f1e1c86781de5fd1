"""The interface of metrics, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from bench.core.audio import RESAMPLER
from bench.core.errors import UserError
from bench.core.installed import version
from bench.core.registry import Registry
from bench.core.threads import threads_kept
from bench.core.types import Audio, Score, Utterance
from metrics.checks.levels import lost_by_clipping
from metrics.clip import Clip, Recording

__all__ = ["METRICS", "Aspect", "Clip", "Metric", "Skipped", "Undefined", "create", "distribution"]

Aspect = Literal["quality", "dimension", "signal", "intelligibility", "content", "speaker", "cost"]
"""What a metric measures: overall ``quality``, one ``dimension`` of it (noisiness, distortion), the ``signal``
(distances of waveforms or spectra), ``intelligibility``, the ``content`` (which words or phonemes are heard), the
``speaker``, or what the enhancement ``cost``.
"""


class Undefined(Exception):
    """The quantity does not exist for this input; the message says why. Not a failure."""


class Skipped(Exception):
    """The quantity cannot be computed here because something other than audio is missing; the message says what."""


class Metric(ABC):
    """One number for one enhanced recording.

    Attributes:
        label: as printed in tables and plots ("PESQ", "SI-SDR").
        unit: "dB", "MOS", "%" or "".
        higher_is_better: the better direction; None for a descriptive value.
        aspect: what it measures.
        low, high: the bounds of its scale, None where there is none. A network's predictions may lie slightly outside.
        needs_clean: whether it needs the clean reference (intrusive).
        needs_transcript: whether it needs the transcript.
        needs_estimate: whether it needs the first estimate of a two-stage method.
        sample_rate: the rate in Hz for which it is defined; other recordings are resampled to it. None: any rate.
        native_rates: other rates for which it is defined, without resampling.
        needs_band: the bandwidth in Hz that it needs; at sampling rates below twice that it is ``undefined``.
        full_scale: whether it clips at ±1; audio that would lose too much by that is ``undefined``.
        min_seconds: shorter recordings are ``undefined``.
        package: the installed package that computes it, if not the one it is defined in.
        revision: of a metric computed here: incremented whenever a value may change.
    """

    label: ClassVar[str]
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool | None] = True
    aspect: ClassVar[Aspect] = "signal"
    low: ClassVar[float | None] = None
    high: ClassVar[float | None] = None
    needs_clean: ClassVar[bool] = True
    needs_transcript: ClassVar[bool] = False
    needs_estimate: ClassVar[bool] = False
    sample_rate: ClassVar[int | None] = None
    native_rates: ClassVar[tuple[int, ...]] = ()
    needs_band: ClassVar[float] = 0.0
    full_scale: ClassVar[bool] = False
    min_seconds: ClassVar[float] = 0.1
    package: ClassVar[str] = ""
    revision: ClassVar[int] = 1

    @abstractmethod
    def compute(self, clip: Clip) -> float | Score:
        """The value; a rate returns ``Score.rate``, which keeps its counts.

        Raises:
            Undefined: the quantity does not exist for this input.
            Skipped: it cannot be computed here.
        """

    def settings(self) -> Mapping[str, str]:
        """Further facts that the value depends on: mode, band, a model file's hash. An option's effect may be given
        under the option's name (a file's hash instead of its path).
        """
        return {}

    def provenance(self) -> dict[str, str]:
        """Everything but the audio that the value depends on."""
        return {"package": self._package(), **self._rates(), **self.settings()}

    def _rates(self) -> dict[str, str]:
        if self.sample_rate is None:
            return {}
        native = "".join(f", of recordings at {rate} Hz that" for rate in self.native_rates)
        return {"rate": f"{self.sample_rate} Hz{native}", "resampler": RESAMPLER}

    def _package(self) -> str:
        if self.package:
            return distribution(self.package)
        home = type(self).__module__.partition(".")[0]
        return f"sebench, revision {self.revision}" if home == __name__.partition(".")[0] else distribution(home)

    def score(self, enhanced: Audio, utterance: Utterance, estimate: Audio | None = None) -> Score:
        """Score ``enhanced`` against ``utterance``; never raises for bad audio.

        Args:
            estimate: the first estimate, if ``enhanced`` is from a two-stage method.

        The score is a finite value, or missing with a reason: never 0 for a failure. Metrics that are given the same
        ``Recording`` as utterance, and the same array, share intermediate results.
        """
        for needed, given, what in (
            (self.needs_clean, utterance.clean, "no clean reference"),
            (self.needs_transcript, utterance.transcript, "no transcript"),
            (self.needs_estimate, estimate, "the method has no predictor's estimate"),
        ):
            if needed and given is None:
                return Score.missing("skipped", what)
        take = Recording.of(utterance).take(enhanced, estimate)
        if take.problem:
            return Score.missing("error", take.problem)
        if reason := self._undefined(enhanced, utterance):
            return Score.missing("undefined", reason)
        try:
            with threads_kept():
                answer = self.compute(take.clip(self._rate(utterance.sample_rate)))
        except Undefined as reason:
            return Score.missing("undefined", str(reason))
        except Skipped as reason:
            return Score.missing("skipped", str(reason))
        except UserError as error:
            return Score.missing("error", str(error))
        except Exception as error:  # third-party code fails in its own ways; the run must go on
            return Score.missing("error", f"{type(error).__name__}: {error}")
        if isinstance(answer, Score):
            return answer
        value = float(answer)
        return Score(value) if np.isfinite(value) else Score.missing("undefined", f"the value is {value}")

    def _undefined(self, enhanced: Audio, utterance: Utterance) -> str:
        """Why no metric is defined for these signals; empty if it may be."""
        rate = utterance.sample_rate
        if len(enhanced) < self.min_seconds * rate:
            return f"shorter than {self.min_seconds:g} s"
        if rate < 2 * self.needs_band:
            return f"needs speech up to {self.needs_band:g} Hz, and at {rate} Hz there is none above {rate / 2:g} Hz"
        if self.needs_clean:
            assert utterance.clean is not None
            for what, signal in (("clean reference", utterance.clean), ("enhanced speech", enhanced)):
                if not signal.any():
                    return f"the {what} is silent"
        if self.full_scale and lost_by_clipping(enhanced) > 0.5:
            return "clipping the enhanced speech to full scale would remove most of it: is it stored as integers?"
        return ""

    def _rate(self, rate: int) -> int:
        """The rate in Hz at which a recording of that rate is scored."""
        return rate if self.sample_rate is None or rate in self.native_rates else self.sample_rate


@cache
def distribution(package: str) -> str:
    """The name and version under which ``package`` (or the distribution of that name) is installed."""
    from importlib.metadata import packages_distributions

    if found := version(package):
        return f"{package} {found}"
    names = packages_distributions().get(package)
    return f"{names[0]} {version(names[0])}" if names else package


METRICS: Registry[Metric] = Registry(
    "metric",
    "sebench.metrics",
    {
        "pesq": "metrics.perceptual.pesq:Pesq",
        "pesq_nb": "metrics.perceptual.pesq:PesqNarrowBand",
        "pesq_c2": "metrics.perceptual.pesq_c2:PesqCorrigendum2",
        "estoi": "metrics.intelligibility.stoi:Estoi",
        "stoi": "metrics.intelligibility.stoi:Stoi",
        "sdr": "metrics.intrusive.sdr:Sdr",
        "si_sdr": "metrics.intrusive.si_sdr:SiSdr",
        "si_sir": "metrics.intrusive.si_sdr:SiSir",
        "si_sar": "metrics.intrusive.si_sdr:SiSar",
        "csig": "metrics.perceptual.composite:SignalDistortion",
        "cbak": "metrics.perceptual.composite:Background",
        "covl": "metrics.perceptual.composite:Overall",
        "llr": "metrics.intrusive.llr:LogLikelihoodRatio",
        "wss": "metrics.intrusive.wss:WeightedSpectralSlope",
        "ssnr": "metrics.intrusive.segmental_snr:SegmentalSnr",
        "fwssnr": "metrics.intrusive.segmental_snr:FrequencyWeightedSegmentalSnr",
        "wer": "metrics.intelligibility.wer:WordErrorRate",
        "lps": "metrics.intelligibility.lps:PhonemeSimilarity",
        "lsd": "metrics.intrusive.lsd:LogSpectralDistance",
        "wvmos": "metrics.perceptual.wvmos:WvMos",
        "utmos": "metrics.perceptual.utmos:Utmos",
        "nisqa": "metrics.perceptual.nisqa:Nisqa",
        "nisqa_noisiness": "metrics.perceptual.nisqa:NisqaNoisiness",
        "nisqa_discontinuity": "metrics.perceptual.nisqa:NisqaDiscontinuity",
        "nisqa_coloration": "metrics.perceptual.nisqa:NisqaColoration",
        "nisqa_loudness": "metrics.perceptual.nisqa:NisqaLoudness",
        "distillmos": "metrics.perceptual.distillmos:DistillMos",
        "visqol": "metrics.perceptual.visqol:Visqol",
        "speaker_similarity": "metrics.perceptual.speaker:SpeakerSimilarity",
        "speaker_similarity_ge2e": "metrics.perceptual.speaker_ge2e:SpeakerSimilarityGe2e",
        "silence_energy": "metrics.pauses.silence:SilenceEnergy",
        "silence_voicing": "metrics.pauses.silence:SilenceVoicing",
        "estimate_distance": "metrics.intrusive.estimate_distance:EstimateDistance",
        "mcd": "metrics.intrusive.mcd:MelCepstralDistortion",
        "srmr": "metrics.perceptual.srmr:Srmr",
        "dnsmos": "metrics.perceptual.dnsmos:Dnsmos",
        "dnsmos_sig": "metrics.perceptual.dnsmos:DnsmosSig",
        "dnsmos_bak": "metrics.perceptual.dnsmos:DnsmosBak",
        "dnsmos_p808": "metrics.perceptual.dnsmos:DnsmosP808",
    },
)


def create(name: str, /, **options: Any) -> Metric:
    """The metric called ``name``."""
    return METRICS.create(name, **options)
