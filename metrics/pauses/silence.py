"""Residual sound in the pauses of the speech: its level, and the share of it that is voiced.

Generative methods can add breathing and speech-like sounds in pauses. Pauses are found in the clean speech: frames 35
dB or more below its loud ones (the 95th percentile), or within 6 dB of its background (the 5th) where that lies 20 dB
below; 60 ms on either side are left out, in which speech starts or dies away. Frames that are digital silence in the
clean and in the noisy recording, such as those that fill it up to a fixed length, are left out where there are other
pauses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio, Score
from metrics.base import Clip, Metric, Undefined

WINDOW, HOP = 640, 160
"""Frames of 40 ms, 10 ms apart: two periods of the lowest voice."""

QUIET, CLOSE, APART = 35.0, 6.0, 20.0
"""Decibels below the loud frames; above the background; and between those two."""

MARGIN, FEWEST = 6, 10
"""Frames on either side of speech; frames of pause that a recording must have."""

LOWEST = -100.0
"""Of levels, in dB: digital silence has none."""

SILENT = -100.0
"""Decibels below the loudest frame that are digital silence, which resampling may have blurred."""

PITCH = 70.0, 400.0
VOICED, AUDIBLE, ADDED = 0.45, 40.0, 6.0
"""The periodicity above which a frame is voiced (Boersma's); it counts if it is no more than so many dB below the
speech, and so many above what the clean recording holds there.
"""


class Pauses(NamedTuple):
    """The enhanced recording in its pauses and in its speech."""

    silent: NDArray[np.float64]
    """Frames of pause, ``[frames, samples]``."""
    speech: float
    """Its mean power where there is speech."""
    clean: NDArray[np.float64]
    """Power of the clean recording in the frames of pause, relative to its speech, ``[frames]``."""


class _InPauses(Metric):
    higher_is_better = False
    sample_rate = 16000
    revision = 2

    def settings(self) -> Mapping[str, str]:
        pauses = f"{QUIET:g} dB below loud frames, or {CLOSE:g} dB above the background"
        return {"pauses": pauses, "frames": f"{WINDOW} samples, {HOP} apart"}


class SilenceEnergy(_InPauses):
    """Level in the pauses relative to that of the speech, both of the enhanced recording, in dB; lower is better."""

    label = "Pause level"
    unit = "dB"
    low = LOWEST

    def compute(self, clip: Clip) -> float:
        pauses = find(clip)
        return max(LOWEST, float(10 * np.log10(np.mean(pauses.silent**2) / pauses.speech + 1e-30)))


class SilenceVoicing(_InPauses):
    """Share of the pauses with an added voice: periodic, within 40 dB of the speech, 6 dB above the clean recording."""

    label = "Pause voicing"
    unit = "%"
    low, high = 0.0, 100.0

    def compute(self, clip: Clip) -> Score:
        pauses = find(clip)
        level = np.mean(pauses.silent**2, axis=1) / pauses.speech
        added = level > np.maximum(10 ** (-AUDIBLE / 10), pauses.clean * 10 ** (ADDED / 10))
        voiced = added & (periodicity(pauses.silent, clip.sample_rate) > VOICED)
        return Score.rate(int(voiced.sum()), len(voiced))

    def settings(self) -> Mapping[str, str]:
        return {**super().settings(), "voiced": f"periodicity above {VOICED:g}, {PITCH[0]:g} to {PITCH[1]:g} Hz"}


def find(clip: Clip) -> Pauses:
    """The pauses of the clean speech, in the enhanced.

    Raises:
        Undefined: too little pause, or nothing but pause.
    """
    clean, enhanced = _framed(clip.reference), _framed(clip.enhanced)
    power = np.mean(clean**2, axis=1)
    active, pause = _parts(power, _holds_signal(clean) | _holds_signal(_framed(clip.noisy)))
    if np.count_nonzero(pause) < FEWEST:
        active, pause = _parts(power, np.ones(power.size, dtype=np.bool_))
    if np.count_nonzero(pause) < FEWEST:
        raise Undefined(f"less than {FEWEST * HOP / 16000:g} s of pause in the clean reference")
    if not active.any():
        raise Undefined("no speech in the clean reference")
    speech = float(np.mean(enhanced[active] ** 2))
    if speech == 0:
        raise Undefined("the enhanced recording is silent where there is speech")
    return Pauses(enhanced[pause], speech, power[pause] / power[active].mean())


def _parts(power: NDArray[np.float64], counted: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which frames hold speech, and which of those that are ``counted`` are pause: both ``[frames]``."""
    background, loud = np.percentile(power[counted], [5, 95]) if counted.any() else (0.0, 0.0)
    near_background = min(background * 10 ** (CLOSE / 10), loud * 10 ** (-APART / 10))
    active = power > max(loud * 10 ** (-QUIET / 10), near_background)
    near = np.convolve(active, np.ones(2 * MARGIN + 1), "same") > 0 if active.size else active
    return active, counted & ~near


def _holds_signal(frames: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frames are more than digital silence: ``[frames]``."""
    power = np.mean(frames**2, axis=1)
    return np.asarray(power > power.max(initial=0) * 10 ** (SILENT / 10))


def periodicity(frames: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Highest normalised autocorrelation at the periods of a voice, ``[frames]``, 0 where it has no peak there.

    Of the windowed signal over that of the window (Boersma, "Accurate Short-Term Analysis of the Fundamental
    Frequency and the Harmonics-to-Noise Ratio of a Sampled Sound", 1993).
    """
    length = frames.shape[1]
    window: NDArray[np.float64] = np.hanning(length + 2)[1:-1].astype(np.float64)

    def autocorrelation(signal: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.fft.irfft(np.abs(np.fft.rfft(signal, 2 * length)) ** 2)[..., :length])

    signal = autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    weight = autocorrelation(window)
    energy = np.where(signal[:, :1] > 0, signal[:, :1], 1)
    ratio = signal / energy / (weight / weight[0])
    lags = np.arange(int(sample_rate / PITCH[1]), int(sample_rate / PITCH[0]) + 1)
    around = ratio[:, lags[0] - 1 : lags[-1] + 2]
    peaks = (around[:, 1:-1] > around[:, :-2]) & (around[:, 1:-1] >= around[:, 2:])
    return np.asarray(np.where(peaks, around[:, 1:-1], 0).max(axis=1))


def _framed(signal: Audio) -> NDArray[np.float64]:
    if signal.size < WINDOW:
        return np.zeros((0, WINDOW))
    return np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), WINDOW)[::HOP]
