"""The contract that every metric keeps, and the registry of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from bench.core.audio import resample
from bench.core.errors import UserError
from bench.core.registry import Registry
from bench.core.types import Audio, Score, Utterance


class Undefined(Exception):
    """The quantity does not exist for this input; the message says why. Not a failure."""


class Metric(ABC):
    """One number for one enhanced recording.

    Attributes:
        label: as printed in tables and plots ("PESQ", "SI-SDR").
        unit: "dB", "MOS" or "".
        higher_is_better: which way is good.
        needs_clean: whether it compares with the clean speech (intrusive).
        sample_rate: the rate in Hz it is defined at; recordings at another are resampled to it.
            None: any rate.
        min_seconds: shorter recordings are ``undefined``.
    """

    label: ClassVar[str]
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = True
    needs_clean: ClassVar[bool] = True
    sample_rate: ClassVar[int | None] = None
    min_seconds: ClassVar[float] = 0.0

    @abstractmethod
    def compute(self, enhanced: Audio, clean: Audio | None, noisy: Audio, sample_rate: int) -> float:
        """The value. All signals are float32 ``[samples]`` of one length at ``sample_rate``.

        Raises:
            Undefined: the quantity does not exist for this input.
        """

    def version(self) -> str:
        """What the value depends on beside the audio: package and version, mode, model hash."""
        return "sebench"

    def score(self, enhanced: Audio, utterance: Utterance) -> Score:
        """Score ``enhanced`` against ``utterance``; never raises for bad audio.

        The answer is a finite value, or missing with its reason: never 0 for a failure.
        """
        if self.needs_clean and utterance.clean is None:
            return Score.missing("skipped", "no clean reference")
        problem = _problem(enhanced, utterance)
        if problem:
            return Score.missing("error", problem)
        if len(enhanced) < self.min_seconds * utterance.sample_rate:
            return Score.missing("undefined", f"shorter than {self.min_seconds:g} s")
        for what, signal in (("clean reference", utterance.clean), ("enhanced speech", enhanced)):
            if self.needs_clean and signal is not None and not signal.any():
                return Score.missing("undefined", f"the {what} is silent")
        rate = self.sample_rate or utterance.sample_rate

        def prepare(signal: Audio) -> Audio:
            return resample(signal, utterance.sample_rate, rate)

        clean = None if utterance.clean is None else prepare(utterance.clean)
        try:
            value = float(self.compute(prepare(enhanced), clean, prepare(utterance.noisy), rate))
        except Undefined as reason:
            return Score.missing("undefined", str(reason))
        except UserError as error:
            return Score.missing("error", str(error))
        except Exception as error:  # third-party code fails in its own ways; the run must go on
            return Score.missing("error", f"{type(error).__name__}: {error}")
        if not np.isfinite(value):
            return Score.missing("undefined", f"the value is {value}")
        return Score(value)


def _problem(enhanced: Audio, utterance: Utterance) -> str:
    """Why these signals cannot be compared; empty where they can."""
    signals = {"enhanced": enhanced, "noisy": utterance.noisy, "clean": utterance.clean}
    for name, signal in signals.items():
        if signal is None:
            continue
        if signal.ndim != 1 or signal.size == 0:
            return f"{name} must be samples of one channel, got shape {list(signal.shape)}"
        if len(signal) != len(utterance.noisy):
            return f"{name} has {len(signal)} samples, noisy {len(utterance.noisy)}"
        if not np.isfinite(signal).all():
            return f"{name} holds NaN or infinity"
    return ""


METRICS: Registry[Metric] = Registry(
    "metric",
    "sebench.metrics",
    {
        "pesq": "metrics.pesq",
        "pesq_nb": "metrics.pesq",
        "estoi": "metrics.stoi",
        "stoi": "metrics.stoi",
        "si_sdr": "metrics.si_sdr",
        "si_sir": "metrics.si_sdr",
        "si_sar": "metrics.si_sdr",
        "dnsmos": "metrics.dnsmos",
        "dnsmos_sig": "metrics.dnsmos",
        "dnsmos_bak": "metrics.dnsmos",
        "dnsmos_p808": "metrics.dnsmos",
    },
)


def create(name: str, /, **options: Any) -> Metric:
    """The metric called ``name``."""
    return METRICS.create(name, **options)
