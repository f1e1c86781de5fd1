"""The checks, which leave out what cannot matter, find what their definitions do, written down plainly."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from scipy.signal import lfilter

from bench.core.lag import lag
from bench.core.types import Audio
from metrics.checks import alignment, levels
from metrics.checks.alignment import MOST, Reference
from metrics.checks.signal import Signal

RATE = 2000


def noise(seed: int, size: int = 1200) -> Audio:
    return np.random.default_rng(seed).normal(0, 0.1, size).astype(np.float32)


REFERENCES = {
    "noise": noise(0),
    "low": lfilter([1], [1, -0.95], noise(1)).astype(np.float32),
    "voiced": lfilter([1], np.r_[1, np.zeros(15), -0.9], noise(2)).astype(np.float32),
    "sine": (0.1 * np.sin(np.arange(1200) / 5)).astype(np.float32),
    "led in": np.r_[np.zeros(400, np.float32), noise(3, 800)],
    "impulse": np.eye(1, 1200, 700, dtype=np.float32)[0],
    "at its end": np.eye(1, 1200, 1199, dtype=np.float32)[0],
    "constant": np.full(1200, 0.1, np.float32),
    "short": noise(4, 3),
    "one sample": noise(5, 1),
}


NEVER_LATE = {"at its end", "constant", "one sample"}
"""What nothing here is late against: too alike itself when shifted, or nothing of it is left."""


def made_of(reference: Audio, seed: int) -> Audio:
    """The reference delayed or not, turned or not, with an echo or not, in some noise: mostly near a threshold."""
    random = np.random.default_rng(seed)

    def shifted() -> Audio:
        return np.roll(reference, random.choice([0, 0, 1, -1, 2, 5, -40, 300, 999, 1100]))

    echo = random.choice([0, 0, 0.5, 0.9, -0.9, 1.1]) * shifted()
    spread = random.choice([0, 0.01, 0.1, 0.3, 0.6, 1]) * reference.std() * random.normal(size=reference.size)
    return np.asarray(random.choice([1, -1]) * (shifted() + echo + spread), dtype=np.float32)


@pytest.mark.parametrize("name", REFERENCES)
def test_delay_and_polarity_are_those_of_a_search_through_all_lags(name: str) -> None:
    reference = REFERENCES[name]
    kept = Reference(Signal(reference, RATE))
    start = int(np.flatnonzero(reference)[0])
    kinds = set()
    for seed in range(150):
        signal = made_of(reference, seed)
        best = lag(signal[start:], reference[start:], round(MOST * RATE))
        gain = np.diff([10 * np.log10((r + 1e-10) / (1 - r + 1e-10)) for r in (best.unshifted**2, best.correlation**2)])
        delayed = best.samples != 0 and abs(best.correlation) >= 0.65 and gain[0] >= 3
        there = best.correlation if delayed else best.unshifted
        told = {"delay": 1000 * best.samples / RATE} if delayed else {}
        told |= {"inverted": pytest.approx(there)} if there <= -0.65 else {}
        found = alignment.check(Signal(signal, RATE), kept)
        assert {kind: value for kind, value in found.items() if kind != "level"} == told, seed
        kinds |= found.keys()
    assert "inverted" in kinds and ("delay" in kinds) == (name not in NEVER_LATE)


def odd(seed: int) -> Audio:
    """Speech-like noise that is gated, clipped, rounded, offset or too loud, several of them or none."""
    random = np.random.default_rng(seed)
    signal = lfilter([1], [1, -0.9], random.normal(0, 0.05, random.choice([1, 2, 3, 50, 500, 1500])))
    if random.random() < 0.5:
        level = random.choice([0.02, 0.1, 0.2])
        signal = np.clip(signal, -level, random.choice([level, 1]))
    if random.random() < 0.4:
        signal = np.round(signal * (steps := random.choice([4, 30, 128, 32768]))) / steps
    if random.random() < 0.4:
        signal[: random.integers(signal.size + 1)] = random.choice([0, 0.1])
    signal = signal * random.choice([1, 1, 1e-4, 1.5, 20, 32768]) + random.choice([0, 0, 0.004, 0.02])
    return np.asarray(signal, dtype=np.float32)


def plainly(signal: Audio) -> dict[str, float]:
    """The definitions of the levels' findings, sample by sample."""
    samples = [float(sample) for sample in signal]
    if len(set(samples)) == 1:
        return {"silent": len(samples) / RATE}
    found = {}
    peak, energy = max(map(abs, samples)), sum(sample**2 for sample in samples)
    lost = sum(max(abs(sample) - 1, 0) ** 2 for sample in samples) / energy
    if lost > 0.5 and peak >= 10:
        found["integer_range"] = peak
    elif lost >= 0.01:
        found["beyond_full_scale"] = 100 * lost
    silent, heard, flat, at = 0, [], 0, 0
    for value, stretch in groupby(samples):
        length = len(list(stretch))
        if length >= 40:  # 20 ms
            silent += length
        else:
            heard += [value] * length
        beside = samples[max(at - 1, 0)], samples[min(at + length, len(samples) - 1)]
        drop = max(abs(np.float32(value) - np.float32(other)) for other in beside)
        if length > 1 and value in (min(samples), max(samples)) and drop > 1e-3 * abs(value) + 2**-15 and value:
            flat += length
        at += length
    if 100 * silent / len(samples) >= 30:
        found["digital_silence"] = 100 * silent / len(samples)
    if 100 * flat / len(samples) >= 0.1:
        found["clipped"] = 100 * flat / len(samples)
    if len(samples) >= RATE / 4 and len(set(samples)) < 64:
        found["few_levels"] = len(set(samples))
    if heard and (level := 10 * np.log10(max(np.mean(np.square(heard)), 1e-30))) < -60:
        found["quiet"] = level
    mean = sum(samples) / len(samples)
    if abs(mean) >= 0.005 and abs(mean) > 0.1 * np.std(samples):
        found["dc"] = 100 * mean
    return found


def test_levels_are_as_defined() -> None:
    kinds = set()
    for seed in range(400):
        signal = odd(seed)
        told = plainly(signal)
        assert levels.check(Signal(signal, RATE)) == pytest.approx(told, rel=1e-6), seed
        kinds |= told.keys()
    assert kinds == {
        *("silent", "integer_range", "beyond_full_scale", "digital_silence", "clipped", "few_levels", "quiet", "dc")
    }
