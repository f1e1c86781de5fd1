"""Samples in themselves: constant, out of range, clipped, of few values, very quiet, offset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core.findings import FINDINGS
from bench.core.types import Audio

STRETCH = 0.02
"""Seconds of one constant that are digital silence."""

FLAT, STEP = 2, 2.0**-15
"""Samples in a flat stretch of clipping, and the step of 16-bit integers: what falls off by no more is a quantised
peak.
"""

SHORTEST = 0.25
"""Seconds from which on the number of different values says something."""


SOME = 1000
"""Samples that are looked at first: of speech they have many values."""


def check(signal: Audio, sample_rate: int) -> dict[str, float]:
    """The findings of ``signal``, float32 ``[samples]``, one sample or more."""
    if np.ptp(signal) == 0:
        return {"silent": signal.size / sample_rate}
    starts, lengths = _stretches(signal)
    constant = np.repeat(lengths >= max(2, round(STRETCH * sample_rate)), lengths)
    found = _out_of_range(signal)
    if (share := 100 * float(constant.mean())) >= FINDINGS["digital_silence"].threshold:
        found["digital_silence"] = share
    if (share := 100 * _clipped(signal, starts, lengths)) >= FINDINGS["clipped"].threshold:
        found["clipped"] = share
    if signal.size >= SHORTEST * sample_rate and (values := _values(signal)) < FINDINGS["few_levels"].threshold:
        found["few_levels"] = float(values)
    heard = signal[~constant].astype(np.float64)
    if heard.size and (level := decibels(float(np.mean(heard**2)))) < FINDINGS["quiet"].threshold:
        found["quiet"] = level
    mean = float(signal.mean(dtype=np.float64))
    if 100 * abs(mean) >= FINDINGS["dc"].threshold and abs(mean) > 0.1 * float(signal.std(dtype=np.float64)):
        found["dc"] = 100 * mean
    return found


def lost_by_clipping(signal: Audio) -> float:
    """The share of the energy that clipping to full scale, -1 to 1, removes: 0 to 1."""
    if signal.size == 0 or np.abs(signal).max() <= 1:
        return 0.0
    samples = signal.astype(np.float64)
    return float(np.sum((samples - np.clip(samples, -1, 1)) ** 2) / np.sum(samples**2))


def decibels(power: float) -> float:
    """Of a power, down to -300 dB."""
    return 10 * float(np.log10(max(power, 1e-30)))


def _stretches(signal: Audio) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the stretches of one value begin, and how many samples each has."""
    starts = np.concatenate([[0], 1 + np.flatnonzero(signal[1:] != signal[:-1])])
    return starts, np.diff(starts, append=signal.size)


def _values(signal: Audio) -> int:
    """How many values the samples have; of a signal with many, those of some samples, which are enough."""
    some = int(np.unique(signal[:: 1 + signal.size // SOME]).size)
    return some if some >= FINDINGS["few_levels"].threshold else int(np.unique(signal).size)


def _out_of_range(signal: Audio) -> dict[str, float]:
    lost, peak = lost_by_clipping(signal), float(np.abs(signal).max())
    if lost > 0.5 and peak >= FINDINGS["integer_range"].threshold:
        return {"integer_range": peak}
    if 100 * lost >= FINDINGS["beyond_full_scale"].threshold:
        return {"beyond_full_scale": 100 * lost}
    return {}


def _clipped(signal: Audio, starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> float:
    """The share of samples in flat stretches at the highest or lowest value, off which the signal drops at once."""
    flat = lengths >= FLAT
    starts, ends = starts[flat], (starts + lengths)[flat]
    before, after = signal[np.maximum(starts - 1, 0)], signal[np.minimum(ends, signal.size - 1)]
    at = signal[starts]
    size = np.abs(at)
    drop = np.maximum(np.abs(at - before), np.abs(at - after))
    extreme = (at == signal.max()) | (at == signal.min())
    counted = extreme & (size > 0) & (drop > 1e-3 * size + STEP)
    return float((ends - starts)[counted].sum() / signal.size)
