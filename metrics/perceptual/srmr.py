"""Speech-to-reverberation modulation energy ratio: energy in slow modulations over that in fast ones.

Falk, Zheng, Chan, "A Non-Intrusive Quality and Intelligibility Measure of Reverberant and Dereverberated Speech",
IEEE TASLP 2010. Modulations of speech lie at 4 to 16 Hz; reverberation adds faster ones. The ratio has no unit; it is
around 8 for speech without reverberation, and 2 to 3 in a reverberant room. It depends on voice and text: compare
versions of one recording only.

The cochlear filterbank is that of the package ``gammatone``. torchmetrics has an SRMR by the same package, and values
equal to it to 1e-5, but needs torchaudio too, which must be of torch's very version; SRMRpy is not on PyPI.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.signal import hilbert, lfilter

from bench.core.types import Audio
from metrics.base import Clip, Metric, Undefined, distribution

COCHLEAR, LOWEST = 23, 125.0
"""Gammatone filters, and the centre of the lowest in Hz."""

MODULATION = 4.0 * (128.0 / 4.0) ** (np.arange(8) / 7)
"""Centres of the modulation filters in Hz; their quality factor is 2."""

Q = 2.0
WINDOW, HOP = 0.256, 0.064
"""Of the frames in which modulation energy is taken, in seconds."""


class Srmr(Metric):
    """Without normalisation of modulation energies, at 16 kHz; from 0 up, higher is less reverberant."""

    label = "SRMR"
    aspect = "dimension"
    low = 0.0
    needs_clean = False
    sample_rate = 16000
    min_seconds = WINDOW

    def compute(self, clip: Clip) -> float:
        if np.ptp(clip.enhanced) == 0:
            raise Undefined("the enhanced speech is constant: it has no modulation")
        return srmr(clip.enhanced, clip.sample_rate)

    def settings(self) -> Mapping[str, str]:
        return {"filterbank": distribution("gammatone"), "modulation": "4 to 128 Hz", "normalised": "no"}


def srmr(signal: Audio, sample_rate: int) -> float:
    """Energy in the four lowest modulation bands over that in the bands above, up to the bandwidth of the speech.

    Raises:
        Undefined: there is no energy in the modulation bands.
    """
    energy = _modulation_energy(_envelopes(signal, sample_rate), sample_rate)
    if not energy.sum() > 0:
        raise Undefined("no energy in the bands of speech")
    highest = _highest_band(energy, sample_rate)
    return float(energy[:, :4].sum() / energy[:, 4:highest].sum())


def _envelopes(signal: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Hilbert envelopes of the cochlear bands, highest first, ``[23, samples]``."""
    from gammatone.filters import erb_filterbank

    bands = erb_filterbank(signal.astype(np.float64), _cochlear_filters(sample_rate))
    return np.asarray(np.abs(hilbert(bands, next_fast_len(signal.size))[:, : signal.size]))


@cache
def _cochlear_filters(sample_rate: int) -> NDArray[np.float64]:
    from gammatone.filters import make_erb_filters

    return np.asarray(make_erb_filters(sample_rate, _centres(sample_rate)))


def _centres(sample_rate: int) -> NDArray[np.float64]:
    from gammatone.filters import centre_freqs

    return np.asarray(centre_freqs(sample_rate, COCHLEAR, LOWEST))


def _modulation_energy(envelopes: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Mean energy of each cochlear band's envelope in each of the eight modulation bands, ``[23, 8]``."""
    hop, overlap = round(HOP * sample_rate), round(WINDOW / HOP)
    weights = np.square(np.hamming(overlap * hop + 1)[:-1]).reshape(overlap, hop)
    energy = []
    for centre in MODULATION:
        w = np.tan(np.pi * centre / sample_rate)
        band = lfilter([w / Q, 0, -w / Q], [1 + w / Q + w**2, 2 * w**2 - 2, 1 - w / Q + w**2], envelopes)
        hops = np.square(band[:, : band.shape[1] // hop * hop]).reshape(len(band), -1, hop) @ weights.T
        frames = hops.shape[1] - overlap + 1  # each the sum of so many hops under their part of the window
        energy.append(sum(hops[:, part : part + frames, part] for part in range(overlap)).mean(axis=1))
    return np.stack(energy, axis=1)


def _highest_band(energy: NDArray[np.float64], sample_rate: int) -> int:
    """How many modulation bands count: those within the width of the cochlear filter under which 90 % of the energy
    lies. A filter's envelope holds no modulation faster than the filter is wide.
    """
    centres = _centres(sample_rate)
    widths = centres / 9.26449 + 24.7
    share = np.cumsum(energy.sum(axis=1)[::-1]) / energy.sum()
    width = widths[::-1][int(np.argmax(share > 0.9))]
    lower_cutoffs = MODULATION - np.tan(np.pi * MODULATION / sample_rate) / Q * sample_rate / (2 * np.pi)
    return max(5, int(np.count_nonzero(lower_cutoffs <= width)))
