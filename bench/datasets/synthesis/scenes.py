"""Noise of places, for the demo benchmark alone: ``f(rng, samples, rate)`` -> float32 ``[samples]`` of mean power 1.

They share no code with the training's noises (``synthesis.noise``) beyond the filters, and are used in no training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from bench.core.types import Audio

Scene = Callable[[np.random.Generator, int, int], Audio]
Real = NDArray[np.float64]


def scenes(talkers: Sequence[Audio]) -> dict[str, Scene]:
    """Every scene by name; the crowd is made of what ``talkers`` say."""
    return {
        "crowd": partial(crowd, talkers=talkers),
        "traffic": traffic,
        "rain": rain,
        "gusts": gusts,
        "fan": fan,
        "keyboard": keyboard,
        "music": music,
        "mains": mains,
    }


def crowd(rng: np.random.Generator, samples: int, rate: int, talkers: Sequence[Audio]) -> Audio:
    """Six to ten people at different distances: the farther, the quieter and duller; a faint murmur behind them."""
    total = np.zeros(samples)
    for _ in range(rng.integers(6, 11)):
        said = np.concatenate([talkers[i] for i in rng.permutation(len(talkers))])
        said = np.roll(said, int(rng.integers(said.size)))
        said = np.tile(said, -(-samples // said.size))[:samples].astype(np.float64)
        distance = rng.uniform(0.3, 1.0)
        total += (1 - 0.8 * distance) * _low_pass(said, 8000 * (1.05 - distance), rate)
    murmur = _band(rng, samples, 150, 1200, rate)
    return _unit(total / _rms(total) + 0.15 * murmur)


def traffic(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """A road: tyres as broad noise that swells as each vehicle passes, with its engine's low harmonics."""
    time = np.arange(samples) / rate
    total = 0.15 * _band(rng, samples, 40, 900, rate)
    for _ in range(rng.integers(2, 6)):
        passing = rng.uniform(-0.5, time[-1] + 0.5)
        swell = 1 / (1 + ((time - passing) / rng.uniform(0.4, 1.2)) ** 2)
        tyres = _band(rng, samples, 200, rng.uniform(1500, 4000), rate)
        speed = rng.uniform(25, 60) * (1 - 0.06 * np.tanh((time - passing) / 0.5))  # falls as it passes (Doppler)
        phase = 2 * np.pi * np.cumsum(speed) / rate
        engine = sum(np.sin(order * phase + rng.uniform(0, 6)) / order for order in range(1, 12))
        total += rng.uniform(0.3, 1) * swell * (tyres + rng.uniform(0.2, 0.8) * np.asarray(engine))
    return _unit(total)


def rain(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Steady rain: many drops, each a short burst around a frequency of its own, over a bright hiss."""
    total = 0.4 * _band(rng, samples, 1500, 7000, rate)
    length = round(0.012 * rate)
    time = np.arange(length) / rate
    for start in rng.integers(0, samples, round(rng.uniform(60, 200) * samples / rate)):
        drop = np.sin(2 * np.pi * rng.uniform(900, 5500) * time) * np.exp(-time / rng.uniform(0.001, 0.004))
        end = min(samples, start + length)
        total[start:end] += rng.exponential(1.5) * drop[: end - start]
    return _unit(total)


def gusts(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Wind at a microphone: low rumble in gusts, each with a whistle that rises and falls with its strength."""
    strength = _wandering(rng, samples, rate, rng.uniform(0.5, 1.5))
    strength = np.clip(0.5 + 0.5 * strength, 0.05, 2)
    rumble = _low_pass(rng.standard_normal(samples), rng.uniform(120, 300), rate)
    whistle = _band(rng, samples, 400, 1500, rate)
    return _unit(strength**2 * rumble / _rms(rumble) + 0.2 * strength**3 * whistle)


def fan(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """A ventilator: air, the tone of its blades with three harmonics, and the slow beat of its bearing."""
    time = np.arange(samples) / rate
    blades = rng.uniform(90, 260)
    tone = sum(np.sin(2 * np.pi * blades * k * time + rng.uniform(0, 6)) / k**1.2 for k in range(1, 5))
    air = _band(rng, samples, 80, rng.uniform(1500, 5000), rate)
    beat = 1 + 0.15 * np.sin(2 * np.pi * rng.uniform(0.8, 3) * time)
    return _unit(beat * (air + rng.uniform(0.2, 0.7) * np.asarray(tone)))


def keyboard(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Typing in bursts: each key a click down and a softer one up, through the desk's resonances."""
    total = np.zeros(samples)
    desk = [(rng.uniform(180, 500), 0.02), (rng.uniform(900, 1800), 0.008), (rng.uniform(2500, 4500), 0.003)]
    time = np.arange(round(0.08 * rate)) / rate
    now = rng.uniform(0, 0.2)
    while now * rate < samples:
        for delay, gain in ((0.0, 1.0), (rng.uniform(0.05, 0.1), 0.4)):
            key = sum(rng.uniform(0.5, 1) * np.sin(2 * np.pi * f * time) * np.exp(-time / decay) for f, decay in desk)
            key = np.asarray(key) + 0.5 * rng.standard_normal(time.size) * np.exp(-time / 0.002)
            start = round((now + delay) * rate)
            if start < samples:
                end = min(samples, start + time.size)
                total[start:end] += gain * rng.uniform(0.5, 1) * key[: end - start]
        now += rng.uniform(0.08, 0.25) if rng.random() < 0.85 else rng.uniform(0.4, 0.9)
    return _unit(total / _rms(total) + 0.03 * _band(rng, samples, 100, 4000, rate))


def music(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """A plucked melody over chords with a soft drum: notes of a scale, each with decaying harmonics."""
    total = np.zeros(samples)
    root, beat = rng.uniform(110, 220), 60 / rng.uniform(80, 140)
    scale = (0, 2, 4, 5, 7, 9, 11)
    for index, onset in enumerate(np.arange(0, samples / rate, beat / 2).tolist()):
        melody = root * 2 * 2 ** (scale[rng.integers(7)] / 12)
        _add(total, rate, onset, _note(rng, melody, 0.6, rate))
        if index % 4 == 0:
            chord = scale[rng.integers(5)]
            for step in (0, 4, 7):
                _add(total, rate, onset, 0.5 * _note(rng, root * 2 ** ((chord + step) / 12), 1.5, rate))
        if index % 2 == 0:
            drum = _low_pass(rng.standard_normal(round(0.12 * rate)), 180, rate)
            _add(total, rate, onset, 2 * drum * np.exp(-np.arange(drum.size) / (0.03 * rate)))
    return _unit(total)


def mains(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Hum of 50 or 60 Hz with a dimmer's buzz: odd harmonics far up, and a little hiss."""
    time = np.arange(samples) / rate
    frequency = (50.0, 60.0)[rng.integers(2)] * rng.uniform(0.9995, 1.0005)
    tone = sum(
        rng.uniform(0.3, 1)
        * order ** -rng.uniform(0.6, 0.9)
        * np.sin(2 * np.pi * order * frequency * time + rng.uniform(0, 6))
        for order in (1, 2, *range(3, 60, 2))
    )
    return _unit(np.asarray(tone) / _rms(np.asarray(tone)) + 0.08 * rng.standard_normal(samples))


def _note(rng: np.random.Generator, frequency: float, seconds: float, rate: int) -> Real:
    """A plucked string: harmonics below 7 kHz, the higher the sooner gone."""
    time = np.arange(round(seconds * rate)) / rate
    harmonics = range(1, min(20, int(7000 / frequency)) + 1)
    tone = sum(
        np.sin(2 * np.pi * k * frequency * time + rng.uniform(0, 6)) / k**1.3 * np.exp(-time * (2 + k) / seconds)
        for k in harmonics
    )
    return np.asarray(tone, dtype=np.float64)


def _add(total: Real, rate: int, onset: float, sound: Real) -> None:
    start = round(onset * rate)
    end = min(total.size, start + sound.size)
    total[start:end] += sound[: end - start]


def _band(rng: np.random.Generator, samples: int, low: float, high: float, rate: int) -> Real:
    """Noise of power 1 between two frequencies in Hz."""
    sections = signal.butter(2, (low, min(high, 0.49 * rate)), "bandpass", fs=rate, output="sos")
    noise = signal.sosfilt(sections, rng.standard_normal(samples + 2000))[2000:]
    return np.asarray(noise / _rms(noise))


def _low_pass(noise: Real, corner: float, rate: int) -> Real:
    sections = signal.butter(2, min(corner, 0.49 * rate), fs=rate, output="sos")
    return np.asarray(signal.sosfilt(sections, noise))


def _wandering(rng: np.random.Generator, samples: int, rate: int, hertz: float) -> Real:
    """A process of about unit variance that moves smoothly at about ``hertz`` Hz."""
    knots = rng.standard_normal(int(samples / rate * 2 * hertz) + 4)
    at = np.arange(samples) * 2 * hertz / rate
    return np.asarray(np.interp(at, np.arange(knots.size), knots))


def _rms(noise: Real) -> float:
    return float(np.sqrt(np.mean(noise**2))) or 1.0


def _unit(noise: Real) -> Audio:
    return np.asarray(noise / _rms(noise), dtype=np.float32)
