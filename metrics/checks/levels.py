"""Samples in themselves: constant, out of range, clipped, of few values, very quiet, offset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core.findings import FINDINGS
from bench.core.types import Audio
from metrics.checks.signal import Signal, decibels

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


def check(signal: Signal) -> dict[str, float]:
    """The findings of ``signal``, finite and of one sample or more."""
    samples, rate = signal.samples, signal.sample_rate
    if signal.low == signal.high:
        return {"silent": samples.size / rate}
    starts, lengths = _flat(samples)
    long = lengths >= max(FLAT, round(STRETCH * rate))
    found = _out_of_range(signal)
    if (share := 100 * float(lengths[long].sum() / samples.size)) >= FINDINGS["digital_silence"].threshold:
        found["digital_silence"] = share
    if (share := 100 * _clipped(signal, starts, lengths)) >= FINDINGS["clipped"].threshold:
        found["clipped"] = share
    if samples.size >= SHORTEST * rate and (values := _values(samples)) < FINDINGS["few_levels"].threshold:
        found["few_levels"] = float(values)
    level = _heard(signal, starts[long], lengths[long])
    if level is not None and level < FINDINGS["quiet"].threshold:
        found["quiet"] = level
    mean = float(signal.wide.sum()) / samples.size
    if 100 * abs(mean) >= FINDINGS["dc"].threshold and abs(mean) > 0.1 * float(signal.wide.std()):
        found["dc"] = 100 * mean
    return found


def lost_by_clipping(signal: Audio) -> float:
    """The share of the energy that clipping to full scale, -1 to 1, removes: 0 to 1."""
    if signal.size == 0 or np.abs(signal).max() <= 1:
        return 0.0
    samples = signal.astype(np.float64)
    return float(np.sum((samples - np.clip(samples, -1, 1)) ** 2) / np.sum(samples**2))


def _flat(samples: Audio) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the stretches of ``FLAT`` or more samples of one value begin, and how many samples each has."""
    same = samples[1:] == samples[:-1]
    if not same.any():  # as of most networks' outputs
        return np.empty(0, np.intp), np.empty(0, np.intp)
    same = np.concatenate([[False], same, [False]])
    (turns,) = (same[1:] != same[:-1]).nonzero()  # the first and the last sample of each, in turn
    return turns[::2], turns[1::2] - turns[::2] + 1


def _heard(signal: Signal, starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> float | None:
    """The root mean square in dB of full scale without these stretches; None if there is nothing else."""
    if not starts.size:
        return signal.level
    heard = np.ones(signal.samples.size, dtype=bool)
    for start, length in zip(starts, lengths, strict=True):
        heard[start : start + length] = False
    return decibels(float(np.mean(signal.wide[heard] ** 2))) if heard.any() else None


def _values(signal: Audio) -> int:
    """How many values the samples have; of a signal with many, those of some samples, which are enough."""
    some = int(np.unique(signal[:: 1 + signal.size // SOME]).size)
    return some if some >= FINDINGS["few_levels"].threshold else int(np.unique(signal).size)


def _out_of_range(signal: Signal) -> dict[str, float]:
    peak = max(signal.high, -signal.low)
    if peak <= 1:
        return {}
    lost = lost_by_clipping(signal.samples)
    if lost > 0.5 and peak >= FINDINGS["integer_range"].threshold:
        return {"integer_range": peak}
    if 100 * lost >= FINDINGS["beyond_full_scale"].threshold:
        return {"beyond_full_scale": 100 * lost}
    return {}


def _clipped(signal: Signal, starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> float:
    """The share of samples in flat stretches at the highest or lowest value, off which the signal drops at once."""
    if not starts.size:
        return 0.0
    samples, ends = signal.samples, starts + lengths
    before, after = samples[np.maximum(starts - 1, 0)], samples[np.minimum(ends, samples.size - 1)]
    at = samples[starts]
    size = np.abs(at)
    drop = np.maximum(np.abs(at - before), np.abs(at - after))
    extreme = (at == signal.high) | (at == signal.low)
    counted = extreme & (size > 0) & (drop > 1e-3 * size + STEP)
    return float(lengths[counted].sum() / samples.size)
