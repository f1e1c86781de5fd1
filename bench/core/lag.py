"""How far one signal lags behind another, by their cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from bench.core.types import Audio

POINTS = 64
"""Between two samples, where the peak is looked for."""

TAPS = 32
"""Samples of the correlation on each side of its peak from which it is interpolated."""


@dataclass(frozen=True)
class Lag:
    """Where two signals correlate best.

    Attributes:
        samples: by how many samples the signal is later than the reference; negative if earlier.
        correlation: theirs with this lag compensated, -1 to 1; negative for inverted polarity.
        unshifted: their correlation as they are.
    """

    samples: float
    correlation: float
    unshifted: float


def lag(signal: Audio, reference: Audio, most: int) -> Lag:
    """The lag in whole samples; all zero where a signal is silent.

    Args:
        signal, reference: float32 ``[samples]``, of one length.
        most: the largest lag looked for, in samples, either way.
    """
    most = min(most, reference.size - 1)
    return _peak(correlate(signal, reference, most), most)


def fine_lag(signal: Audio, reference: Audio, most: int) -> Lag:
    """As ``lag``, to 1/64 of a sample, by band-limited interpolation of the correlation around its peak.

    The correlation at each lag is that of the parts which then overlap, so that a long lag of a short signal counts
    fully; at most half of the signal is left out.
    """
    most = min(most, reference.size // 2)
    correlation = correlate(signal, reference, most + TAPS)
    correlation /= _overlap(signal, reference, most, correlation.size)
    whole = _peak(correlation, most)
    if not whole.correlation:
        return whole
    taps = np.arange(-TAPS, TAPS + 1)
    between = np.arange(-POINTS, POINTS + 1) / POINTS
    weights = np.sinc(between[:, None] - taps) * np.hanning(taps.size + 2)[1:-1]
    values = weights @ correlation[(int(whole.samples) + taps) % correlation.size]
    best = int(np.argmax(np.abs(values)))
    return Lag(float(whole.samples + between[best]), float(np.clip(values[best], -1, 1)), whole.unshifted)


def _peak(correlation: NDArray[np.float64], most: int) -> Lag:
    near = np.concatenate([correlation[: most + 1], correlation[correlation.size - most :]])
    place = int(np.argmax(np.abs(near)))
    best = place if place <= most else place - near.size
    return Lag(best, float(correlation[best]), float(correlation[0]))


def correlate(signal: Audio, reference: Audio, most: int) -> NDArray[np.float64]:
    """The circular correlation by its lag, padded so that up to ``most`` nothing wraps around, scaled to -1 to 1."""
    pair = [x.astype(np.float64) for x in (signal, reference)]
    size = next_fast_len(reference.size + most + 1, real=True)
    energy = np.sqrt(np.prod([float(np.sum(x**2)) for x in pair]))
    if energy == 0:
        return np.zeros(size)
    spectra = [rfft(x, size) for x in pair]
    found: NDArray[np.float64] = irfft(spectra[0] * np.conj(spectra[1]), size) / energy
    return found


def _overlap(signal: Audio, reference: Audio, most: int, size: int) -> NDArray[np.float64]:
    """By lag, as ``correlate``: the energy of the overlapping parts, as a share of all; 1 beyond ``most``."""
    energies = [np.concatenate([[0.0], np.cumsum(x.astype(np.float64) ** 2)]) for x in (signal, reference)]
    total, length = [energy[-1] for energy in energies], reference.size
    later = np.arange(most + 1)
    shares = np.ones(size)
    for lags, (late, early) in ((later, (0, 1)), (-later, (1, 0))):  # the late one loses its beginning
        of_late = total[late] - energies[late][later]
        of_early = energies[early][length - later]
        shares[lags] = np.sqrt(of_late * of_early / max(total[0] * total[1], 1e-300))
    return np.maximum(shares, 1e-3)
