"""Acoustic fingerprints: alike for copies of a recording at another rate, level or length, unlike for all else.

Of speech and noise: 32 bits every 32 ms, the signs of differences of band energies in time and frequency (Haitsma and
Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002, with frames of 128 ms, so that half a second is
enough), 125 bytes a second. Of room responses: what follows the direct sound, 64 ms at 8 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.core import audio
from bench.core.types import Audio

Print = NDArray[np.uint32]
Response = NDArray[np.int8]

FORMAT = 2
"""Counted up when prints change; those of another format are compared with none."""

RATE = 8000
WINDOW, HOP, SHIFTS = 1024, 256, 4
"""Samples of a frame and between frames; the frames of what is looked up are SHIFTS times as dense."""

BANDS = 33
LOWEST, HIGHEST = 300.0, 3000.0
"""Band edges in Hz, equally wide in log frequency: what every resampler and coder keeps."""

QUIET = 1e-5
"""Frames with less energy than this share of the loudest are left out, as 0."""

AFTER, RESPONSE = 0.0025, 512
"""Seconds after the direct sound from which on a response is kept, and how many samples."""

NEARLY, ARRIVALS = 0.5, 8
"""Share of the largest sample, and number of places, that may be the direct sound of a response that is looked up: by
another sampling or level of noise another one can be the largest."""


def sound_print(samples: Audio, rate: int, hop: int = HOP) -> Print:
    """The print of a recording, ``[frames]``; empty if it is shorter than two frames (0.16 s)."""
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
    """The print of a room response, ``[1, 512]``; ``[0, 512]`` if nothing follows its direct sound."""
    return _prints(*_arrivals(response, rate, 1))


def response_prints(response: Audio, rate: int) -> Response:
    """Prints ``[arrivals, 512]`` of a response that is looked up: one of them begins where the stored one does."""
    return _prints(*_arrivals(response, rate, ARRIVALS))


def _arrivals(response: Audio, rate: int, most: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The response at ``RATE``, and the places of its largest samples."""
    signal = audio.resample(response, rate, RATE).astype(np.float64)
    size = np.abs(np.pad(signal, 1))
    peaks = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] >= NEARLY * size.max()))
    return signal, peaks[np.argsort(-np.abs(signal[peaks]), kind="stable")][:most]


def _prints(signal: NDArray[np.float64], arrivals: NDArray[np.intp]) -> Response:
    found = []
    for arrival in arrivals:
        first = arrival + round(AFTER * RATE)
        tail = np.pad(signal[first : first + RESPONSE], (0, max(0, RESPONSE - max(0, signal.size - first))))[:RESPONSE]
        largest = np.abs(tail).max()
        if largest >= 1e-3 * np.abs(signal[arrival]) > 0:
            found.append(np.rint(127 * tail / largest))
    return np.asarray(found, dtype=np.int8).reshape(-1, RESPONSE)


FINE, FAR = 4, 4
"""Steps of a sample, and samples, by which prints of responses are shifted against each other."""


def likeness(one: Response, others: Response) -> NDArray[np.float64]:
    """Largest correlation of a response's prints with each of the ``others``, ``[others]``: 1 for the same."""
    if not one.size or not others.size:
        return np.zeros(len(others))
    shifts = np.arange(-FINE * FAR, FINE * FAR + 1) / FINE
    turned = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * RESPONSE) * shifts[:, None])
    spectra = np.fft.rfft(one.astype(np.float64), 2 * RESPONSE)
    shifted = np.fft.irfft(spectra[:, None] * turned, 2 * RESPONSE)[..., :RESPONSE].reshape(-1, RESPONSE)
    known = others.astype(np.float64)
    norms = np.linalg.norm(shifted, axis=1)[:, None] * np.linalg.norm(known, axis=1)
    return np.asarray((np.abs(shifted @ known.T) / np.maximum(norms, 1.0)).max(axis=0))


def room_between(clean: Audio, noisy: Audio, rate: int) -> Audio:
    """The response that makes ``noisy`` of ``clean``, estimated by division of their spectra; 0.2 s."""
    size = 1 << (clean.size + noisy.size - 1).bit_length()
    source, heard = np.fft.rfft(clean, size), np.fft.rfft(noisy, size)
    power = np.abs(source) ** 2
    response = np.fft.irfft(heard * source.conj() / (power + 1e-4 * power.mean()), size)
    return np.roll(response, round(0.005 * rate))[: round(0.2 * rate)].astype(np.float32)
