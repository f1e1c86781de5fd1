"""Noise of several kinds, each ``f(rng, samples, rate)`` -> float32 ``[samples]`` of mean power 1.

All randomness comes from ``rng``. ``noises(speech)`` names them all, with those that need speech.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from bench.core.types import Audio
from bench.datasets.synthesis.choose import choose

Noise = Callable[[np.random.Generator, int, int], Audio]
Real = NDArray[np.floating[Any]]
Gain = Callable[[Real], Real]


def noises(speech: Sequence[Audio]) -> dict[str, Noise]:
    """Every kind of noise by name; babble and speech-shaped noise are made from ``speech``."""
    spectrum = long_term_spectrum(speech)
    shaped = partial(speech_shaped, spectrum=spectrum)
    return {
        "white": white,
        "pink": pink,
        "brown": brown,
        "coloured": coloured,
        "babble": partial(babble, speech=speech),
        "speech_shaped": shaped,
        "modulated": partial(modulated, carriers=(white, pink, coloured, shaped)),
        "hum": hum,
        "engine": engine,
        "wind": wind,
        "impulsive": impulsive,
    }


def white(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Equal power at all frequencies."""
    return _unit(rng.standard_normal(samples, dtype=np.float32))


def pink(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Power falling with 1/f above 30 Hz."""
    return _filtered(rng, samples, rate, lambda f: 1 / np.sqrt(np.maximum(f, 30)))


def brown(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Power falling with 1/f² above 50 Hz."""
    return _filtered(rng, samples, rate, lambda f: 1 / np.maximum(f, 50))


def coloured(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """A random smooth spectrum: one gain in dB an octave, normal with 8 dB, and a random tilt."""
    octaves = np.arange(5, 14)
    tilt = rng.uniform(-6, 1) * (octaves - 9)
    decibels = tilt + rng.normal(0, 8, octaves.size)

    def gain(f: Real) -> Real:
        return np.asarray(10 ** (np.interp(np.log2(np.maximum(f, 20)), octaves, decibels) / 20))

    return _filtered(rng, samples, rate, gain)


def long_term_spectrum(speech: Sequence[Audio], frame: int = 512, utterances: int = 64) -> NDArray[np.float32]:
    """Long-term average magnitude spectrum ``[frame // 2 + 1]`` of (the first) ``utterances``."""
    window = np.hanning(frame).astype(np.float32)
    power = np.zeros(frame // 2 + 1)
    for index in range(min(len(speech), utterances)):
        frames = np.lib.stride_tricks.sliding_window_view(speech[index], frame)[:: frame // 2]
        power += np.mean(np.abs(fft.rfft(frames * window)) ** 2, axis=0)
    return np.sqrt(power).astype(np.float32)


def speech_shaped(rng: np.random.Generator, samples: int, rate: int, spectrum: NDArray[np.float32]) -> Audio:
    """Stationary noise with the long-term ``spectrum`` of speech, given from 0 Hz to ``rate`` / 2."""
    return _filtered(rng, samples, rate, lambda f: np.interp(f, np.linspace(0, rate / 2, spectrum.size), spectrum))


def babble(rng: np.random.Generator, samples: int, rate: int, speech: Sequence[Audio]) -> Audio:
    """Three to eight talkers at once, at levels within ± 3 dB."""
    total = np.zeros(samples, dtype=np.float32)
    for _ in range(rng.integers(3, 9)):
        gain = np.float32(10 ** (rng.uniform(-3, 3) / 20))
        total += gain * _talk(rng, samples, speech)
    return _unit(total)


def modulated(rng: np.random.Generator, samples: int, rate: int, carriers: Sequence[Noise]) -> Audio:
    """One of the ``carriers`` with its level moving: sinusoidally at 1-10 Hz, or at random."""
    carrier = choose(rng, carriers)(rng, samples, rate)
    if rng.random() < 0.5:
        time = np.arange(samples, dtype=np.float32) / rate
        depth, hertz, phase = rng.uniform(0.5, 1), rng.uniform(1, 10), rng.uniform(0, 2 * np.pi)
        level: Real = 1 + depth * np.sin(2 * np.pi * hertz * time + phase)
    else:
        level = 10 ** (8 * _slow(rng, samples, rate, rng.uniform(0.5, 4)) / 20)
    return _unit(carrier * level)


def hum(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Mains hum: 50 or 60 Hz (± 0.1 %) with harmonics up to 1.5 kHz, over a faint noise floor."""
    mains = choose(rng, (50.0, 60.0)) * rng.uniform(0.999, 1.001)
    order = np.arange(1, 26)
    amplitudes: Real = rng.uniform(0.1, 1, order.size) * order ** -rng.uniform(0.3, 1.3)
    amplitudes[0::2] *= rng.uniform(0.1, 1)  # rectifiers hum at twice the mains' frequency
    tone = _harmonic(rng, mains / rate * np.arange(samples), amplitudes)
    return _unit(_unit(tone) + np.float32(10 ** (rng.uniform(-35, -20) / 20)) * white(rng, samples, rate))


def engine(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """A motor: a wandering fundamental of 25-110 Hz, many harmonics, and low-frequency noise."""
    speed = rng.uniform(25, 110) * (1 + 0.05 * _slow(rng, samples, rate, 0.7))
    order = np.arange(1, 41)
    amplitudes: Real = rng.uniform(0.1, 1, order.size) * order ** -rng.uniform(0.5, 1.5)
    tone = _unit(_harmonic(rng, np.cumsum(speed / rate), amplitudes))
    corner = rng.uniform(100, 1000)
    rumble = _filtered(rng, samples, rate, lambda f: 1 / (1 + (f / corner) ** 2))
    return _unit(tone + np.float32(10 ** (rng.uniform(-10, 5) / 20)) * rumble)


def wind(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Low-frequency turbulence in gusts."""
    corner = rng.uniform(80, 400)
    turbulence = _filtered(rng, samples, rate, lambda f: 1 / (1 + (f / corner) ** 1.7))
    return _unit(turbulence * 10 ** (7 * _slow(rng, samples, rate, rng.uniform(0.5, 3)) / 20))


def rumbling(rng: np.random.Generator, noise: Audio, rate: int) -> Audio:
    """``noise`` with its lowest frequencies raised by 10 to 35 dB: a low shelf with a corner at 40 to 150 Hz.

    So are many recordings, of traffic, ventilation or handling: most of the power lies where the ear hears little,
    and at a given SNR the speech is far less disturbed than by the same noise without it.
    """
    corner, raised = rng.uniform(40, 150), 10 ** (rng.uniform(10, 35) / 10) - 1
    length = fft.next_fast_len(noise.size, real=True)
    frequency = np.linspace(0, rate / 2, length // 2 + 1, dtype=np.float32)
    gain = np.sqrt(1 + raised / (1 + (frequency / corner) ** 6))
    return _unit(fft.irfft(fft.rfft(noise, length) * gain, length)[: noise.size])


def impulsive(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Knocks, clicks or typing, over a faint pink floor."""
    events = np.zeros(samples, dtype=np.float32)
    kind = choose(rng, ("knocks", "clicks", "typing"))
    pace = {"knocks": rng.uniform(2, 5), "clicks": rng.uniform(3, 12), "typing": rng.uniform(5, 10)}[kind]
    for onset in rng.integers(0, samples, max(2, round(pace * samples / rate))):
        event = _knock(rng, rate) if kind == "knocks" else _click(rng, rate)
        for delay in (0, round(rng.uniform(0.05, 0.09) * rate)) if kind == "typing" else (0,):  # press, release
            start = onset + delay
            events[start : start + event.size] += event[: max(0, samples - start)]
    return _unit(_unit(events) + np.float32(10 ** (rng.uniform(-30, -15) / 20)) * pink(rng, samples, rate))


def _knock(rng: np.random.Generator, rate: int) -> Audio:
    """A struck board: three decaying resonances."""
    time = np.arange(round(0.15 * rate), dtype=np.float32) / rate
    resonances = [
        rng.uniform(0.3, 1) * np.sin(2 * np.pi * rng.uniform(90, 900) * time) * np.exp(-time / rng.uniform(0.01, 0.05))
        for _ in range(3)
    ]
    return np.asarray(rng.uniform(0.4, 1) * np.sum(resonances, axis=0), dtype=np.float32)


def _click(rng: np.random.Generator, rate: int) -> Audio:
    """A decaying burst of noise, dull or bright."""
    samples = round(0.05 * rate)
    decay = np.exp(-np.arange(samples, dtype=np.float32) / (rng.uniform(0.002, 0.012) * rate))
    burst = rng.standard_normal(samples, dtype=np.float32)
    if rng.random() < 0.5:
        burst[1:] += burst[:-1]
    return np.asarray(rng.uniform(0.3, 1) * decay * burst, dtype=np.float32)


def _talk(rng: np.random.Generator, samples: int, speech: Sequence[Audio]) -> Audio:
    """Randomly chosen utterances one after another, starting somewhere within the first."""
    first = choose(rng, speech)
    pieces = [first[int(rng.integers(first.size)) :]]
    while sum(piece.size for piece in pieces) < samples:
        pieces.append(choose(rng, speech))
    return np.concatenate(pieces)[:samples]


def _filtered(rng: np.random.Generator, samples: int, rate: int, gain: Gain) -> Audio:
    """Gaussian noise whose magnitude spectrum follows ``gain(frequency in Hz)``; no DC."""
    length = fft.next_fast_len(samples, real=True)
    bins = length // 2 + 1
    spectrum = rng.standard_normal(2 * bins, dtype=np.float32).view(np.complex64)
    spectrum *= np.asarray(gain(np.linspace(0, rate / 2, bins, dtype=np.float32)), dtype=np.float32)
    spectrum[0] = 0
    return _unit(fft.irfft(spectrum, length)[:samples])


def _harmonic(rng: np.random.Generator, cycles: Real, amplitudes: Real) -> Audio:
    """Harmonics of the given ``amplitudes`` and random phases; ``cycles`` is the fundamental's phase / 2π."""
    size = 4096
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex64)
    spectrum[1 : 1 + amplitudes.size] = amplitudes * np.exp(2j * np.pi * rng.random(amplitudes.size))
    table = fft.irfft(spectrum)
    return np.asarray(table[(cycles * size).astype(np.int64) % size], dtype=np.float32)


def _slow(rng: np.random.Generator, samples: int, rate: int, hertz: float) -> NDArray[np.float32]:
    """A standard normal process that moves at about ``hertz`` Hz."""
    knots = rng.standard_normal(int(samples / rate * 2 * hertz) + 2)
    moved = np.interp(np.arange(samples) * (2 * hertz / rate), np.arange(knots.size), knots)
    return np.asarray(moved, dtype=np.float32)


def _unit(signal: Real) -> Audio:
    """``signal`` scaled to mean power 1; silence stays silence."""
    rms = np.sqrt(np.mean(np.square(signal, dtype=np.float64))) if signal.size else 0.0
    return np.asarray(signal / rms if rms > 0 else signal, dtype=np.float32)
