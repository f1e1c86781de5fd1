"""Acoustic fingerprints: alike for copies of a recording at another rate, level or length, unlike for all else.

Of speech and noise: 32 bits every 32 ms, the signs of differences of band energies in time and frequency (Haitsma and
Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002), 125 bytes a second. Of room responses: what
follows the direct sound, 64 ms at 8 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core import audio
from bench.core.types import Audio

Print = NDArray[np.uint32]
Response = NDArray[np.int8]

RATE = 8000
WINDOW, HOP, SHIFTS = 4096, 256, 4
"""Samples of a frame and between frames; the frames of what is looked up are SHIFTS times as dense."""

BANDS = 33
LOWEST, HIGHEST = 300.0, 3000.0
"""Band edges in Hz, equally wide in log frequency: what every resampler and coder keeps."""

QUIET = 1e-5
"""Frames with less energy than this share of the loudest are left out, as 0."""

AFTER, RESPONSE = 0.0025, 512
"""Seconds after the direct sound from which on a response is kept, and how many samples."""


def sound_print(samples: Audio, rate: int, hop: int = HOP) -> Print:
    """The print of a recording, ``[frames]``; empty if it is shorter than two frames (0.55 s)."""
    signal = audio.resample(samples, rate, RATE).astype(np.float64)
    frames = (signal.size - WINDOW) // hop + 1
    before = HOP // hop  # the frame to compare with, 32 ms earlier
    if frames <= before:
        return np.zeros(0, np.uint32)
    energies = np.stack([_energies(signal[n * hop : n * hop + WINDOW]) for n in range(frames)])
    change = np.diff(energies[before:], axis=1) - np.diff(energies[:-before], axis=1)
    bits = (change < 0) @ (2 ** np.arange(BANDS - 1, dtype=np.uint64))
    loud = energies.sum(axis=1)
    kept = np.minimum(loud[before:], loud[:-before]) > QUIET * loud.max()
    return np.where(kept, bits, 0).astype(np.uint32)


_EDGES = np.geomspace(LOWEST, HIGHEST, BANDS + 1)
_BINS = np.searchsorted(np.fft.rfftfreq(WINDOW, 1 / RATE), _EDGES)
_HANN = np.hanning(WINDOW)


def _energies(frame: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.abs(np.fft.rfft(frame * _HANN)[: _BINS[-1]]) ** 2
    return np.asarray(np.add.reduceat(power, _BINS[:-1]))


def response_print(response: Audio, rate: int) -> Response:
    """The print of a room response; empty if nothing follows its direct sound."""
    signal = audio.resample(response, rate, RATE).astype(np.float64)
    if not signal.any():
        return np.zeros(0, np.int8)
    arrival = int(np.argmax(np.abs(signal)))
    first = arrival + round(AFTER * RATE)
    tail = np.pad(signal[first : first + RESPONSE], (0, max(0, RESPONSE - (signal.size - first))))[:RESPONSE]
    largest = np.abs(tail).max()
    if largest < 1e-3 * np.abs(signal[arrival]):
        return np.zeros(0, np.int8)
    return np.asarray(np.rint(127 * tail / largest), dtype=np.int8)


def likeness(one: Response, other: Response) -> float:
    """Largest correlation of two response prints, to a quarter of a sample, up to 4 samples apart: 1 for the same."""
    if not one.size or not other.size:
        return 0.0
    fine = 4
    spectra = [np.fft.rfft(print_.astype(np.float64), 2 * RESPONSE) for print_ in (one, other)]
    cross = np.fft.irfft(spectra[0] * spectra[1].conj(), 2 * RESPONSE * fine) * fine
    near = np.concatenate([cross[: 4 * fine + 1], cross[-4 * fine :]])
    norm = np.sqrt(np.square(one, dtype=np.float64).sum() * np.square(other, dtype=np.float64).sum())
    return float(np.abs(near).max() / norm)


def room_between(clean: Audio, noisy: Audio, rate: int) -> Audio:
    """The response that makes ``noisy`` of ``clean``, estimated by division of their spectra; 0.2 s."""
    size = 1 << (clean.size + noisy.size - 1).bit_length()
    source, heard = np.fft.rfft(clean, size), np.fft.rfft(noisy, size)
    power = np.abs(source) ** 2
    response = np.fft.irfft(heard * source.conj() / (power + 1e-4 * power.mean()), size)
    return np.roll(response, round(0.005 * rate))[: round(0.2 * rate)].astype(np.float32)
