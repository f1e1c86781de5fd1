"""Signal processing of stimuli: cutting, low-pass anchors, attenuated noise, fades, loudness."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import firwin, kaiserord, oaconvolve

from bench.core import loudness as core
from bench.core.errors import UserError
from bench.core.types import Audio

LONGEST = 12.0
"""Maximum duration in seconds, by BS.1534-3 and webMUSHRA."""

PEAK = 10 ** (-1 / 20)
"""The highest sample that is written: 1 dB below full scale, since resampling in a browser can raise peaks."""

TRANSITION = 500.0
"""Hz from the edge of a low-pass anchor to where it is 60 dB down."""


def cut(clean: Audio, sample_rate: int, longest: float) -> slice:
    """The part to present: the whole recording if it is short enough, else its beginning up to a pause.

    The pause is the quietest 0.1 s of ``clean`` in the second half of the first ``longest`` seconds.
    """
    limit = int(longest * sample_rate)
    if clean.size <= limit:
        return slice(0, clean.size)
    width = max(1, sample_rate // 10)
    energy = np.convolve(clean[:limit].astype(np.float64) ** 2, np.ones(width), mode="valid")
    first = limit // 2
    quietest = first + int(np.argmin(energy[first:]))
    return slice(0, quietest + width // 2)


def low_pass(signal: Audio, sample_rate: int, edge: float) -> Audio:
    """``signal`` low-pass filtered at ``edge`` Hz, without delay.

    A linear-phase filter within BS.1534-3's tolerances for the anchors: ±0.1 dB in the pass band, 25 dB down
    at ``edge`` + 500 Hz and 50 dB at ``edge`` + 1 kHz.

    Raises:
        UserError: half the sampling rate is not above the edge.
    """
    width = min(TRANSITION, sample_rate / 2 - edge)
    if width <= 0:
        raise UserError(f"anchors: at {sample_rate} Hz nothing lies above {edge:g} Hz; leave that anchor out")
    taps, beta = kaiserord(60.0, width / (sample_rate / 2))
    taps |= 1
    kernel = firwin(taps, edge + width / 2, window=("kaiser", beta), fs=sample_rate)
    return np.asarray(oaconvolve(signal.astype(np.float64), kernel, mode="same"), dtype=np.float32)


def less_noisy(clean: Audio, noisy: Audio, decibels: float) -> Audio:
    """The mixture with its noise, ``noisy - clean``, attenuated by ``decibels``."""
    return np.asarray(clean + (noisy - clean) * 10 ** (-decibels / 20), dtype=np.float32)


def fade(signal: Audio, sample_rate: int, seconds: float) -> Audio:
    """Raised-cosine ramps at both ends."""
    length = min(round(seconds * sample_rate), signal.size // 2)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(1, length))
    faded = signal.astype(np.float32, copy=True)
    faded[:length] *= ramp
    faded[signal.size - length :] *= ramp[::-1]
    return faded


def loudness(signal: Audio, sample_rate: int) -> float:
    """Integrated loudness in LUFS (BS.1770-4); minus infinity if everything is below the gate.

    Raises:
        UserError: the signal is shorter than one block.
    """
    if signal.size < core.SHORTEST * sample_rate:
        raise UserError(
            f"{signal.size / sample_rate:.2f} s are too short to measure loudness; {core.SHORTEST} s are needed"
        )
    return core.loudness(signal, sample_rate)


def highest_loudness(signal: Audio, measured: float) -> float:
    """The loudness in LUFS at which ``signal``, of loudness ``measured``, would reach ``PEAK``."""
    return measured + 20 * math.log10(PEAK / max(float(np.abs(signal).max()), 1e-9))
