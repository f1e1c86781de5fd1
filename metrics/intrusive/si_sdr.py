"""Scale-invariant energy ratios: distortion (SI-SDR), interference (SI-SIR) and artefacts (SI-SAR), in dB.

With the noise ``n = noisy - clean``, the enhanced speech is split by independent projections, as in "StoRM"
(Lemercier et al., 2023), with the signals' means kept, or with every signal's mean removed first:

    target  = <enhanced, clean> / |clean|^2 * clean
    noise   = <enhanced, n> / |n|^2 * n
    artefact = enhanced - target - noise

and each ratio compares the target with the rest, with the noise, and with the artefact. Like StoRM we
add 1e-10 to energies and ratios: far below what a recording holds, it lets a perfect estimate score a
finite 100 to 130 dB, by its energy, where an infinite value could not be averaged.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import UserError
from bench.core.types import Audio
from metrics.base import Clip, Metric, Undefined

FLOOR = 1e-10

Signal = NDArray[np.float32] | NDArray[np.float64]


class Decomposition(NamedTuple):
    """``target + noise + artefact`` is the enhanced speech; each float64 ``[samples]``."""

    target: NDArray[np.float64]
    noise: NDArray[np.float64]
    artefact: NDArray[np.float64]


def decompose(enhanced: Signal, clean: Signal, noisy: Signal) -> Decomposition:
    """Split ``enhanced`` into what it keeps of the clean speech, of the noise, and what it adds."""
    estimate, speech = enhanced.astype(np.float64), clean.astype(np.float64)
    target = _project(estimate, speech)
    noise = _project(estimate, noisy.astype(np.float64) - speech)
    return Decomposition(target, noise, estimate - target - noise)


def _without_mean(signal: Audio) -> Signal:
    samples = signal.astype(np.float64)
    return np.asarray(samples - samples.mean())


def _project(signal: NDArray[np.float64], onto: NDArray[np.float64]) -> NDArray[np.float64]:
    return float(signal @ onto / (onto @ onto + FLOOR)) * onto


def _decibels(target: NDArray[np.float64], rest: NDArray[np.float64]) -> float:
    return float(10 * np.log10(FLOOR + target @ target / (FLOOR + rest @ rest)))


class _EnergyRatio(Metric):
    """An energy ratio.

    Args:
        zero_mean: remove the mean of each signal first, as Le Roux et al. do; otherwise an offset is an error.
    """

    unit = "dB"
    needs_noise: ClassVar[bool] = True

    def __init__(self, zero_mean: bool = False) -> None:
        if not isinstance(zero_mean, bool):
            raise UserError(f"zero_mean: true or false; got {zero_mean!r}")
        self.zero_mean = zero_mean

    def compute(self, clip: Clip) -> float:
        if self.needs_noise and np.array_equal(clip.noisy, clip.reference):
            raise Undefined("noisy equals clean: there is no noise to tell from artefacts")
        if not self.zero_mean:
            return self.ratio(decompose(clip.enhanced, clip.reference, clip.noisy))
        enhanced, clean, noisy = (_without_mean(signal) for signal in (clip.enhanced, clip.reference, clip.noisy))
        if not (enhanced.any() and clean.any()):
            raise Undefined("a constant is nothing without its mean")
        return self.ratio(decompose(enhanced, clean, noisy))

    @abstractmethod
    def ratio(self, parts: Decomposition) -> float:
        """The value in dB."""

    def settings(self) -> Mapping[str, str]:
        return {"projections": "independent", "means": "removed" if self.zero_mean else "kept", "floor": f"{FLOOR:g}"}


class SiSdr(_EnergyRatio):
    """Ratio of the target to everything else, in dB (Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019)."""

    label = "SI-SDR"
    needs_noise = False

    def ratio(self, parts: Decomposition) -> float:
        return _decibels(parts.target, parts.noise + parts.artefact)


class SiSir(_EnergyRatio):
    """Ratio of the target to the residual noise (interference), in dB."""

    label = "SI-SIR"

    def ratio(self, parts: Decomposition) -> float:
        return _decibels(parts.target, parts.noise)


class SiSar(_EnergyRatio):
    """Ratio of the target to the artefacts of the enhancement, in dB."""

    label = "SI-SAR"

    def ratio(self, parts: Decomposition) -> float:
        return _decibels(parts.target, parts.artefact)
