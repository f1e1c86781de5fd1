"""What can be heard of a recording, as the page plays it: FLAC, which every browser decodes without loss or delay."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import soundfile

from bench.core.loudness import loudness
from bench.core.types import Audio

CLEAN, NOISY = -1, -2
"""What stands for a system's number where a track is the recording itself."""

LOUDNESS = -26.0
"""LUFS that every track is played at, or less where a peak would clip."""

PEAK = 10 ** (-1 / 20)
"""The highest sample that is played: 1 dB below full scale."""


@dataclass(frozen=True, eq=False)
class Track:
    """One signal of a recording.

    Attributes:
        name: as the page shows it.
        system: its number among the systems of the dataset, or ``CLEAN`` or ``NOISY``.
        samples: ``[samples]``; None where there is nothing to play, and ``missing`` says why.
        notes: lines below its name, such as scores.
    """

    name: str
    system: int
    samples: Audio | None
    missing: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Recording:
    """Everything audible of a recording; ``transcript`` is what is said in it, if known."""

    sample_rate: int
    tracks: Sequence[Track] = field(default_factory=list)
    transcript: str | None = None


def encoded(recording: Recording) -> dict[str, Any]:
    """The recording for the page's player: every track as base64 of FLAC, with the gain that makes all equally loud."""
    gains = leveled([track.samples for track in recording.tracks], recording.sample_rate)
    tracks = []
    for track, gain in zip(recording.tracks, gains, strict=True):
        shown: dict[str, Any] = {"name": track.name, "system": track.system, "notes": list(track.notes)}
        if track.samples is None:
            tracks.append({**shown, "missing": track.missing})
            continue
        peak = max(1.0, float(np.abs(track.samples).max(initial=0.0)))  # FLAC ends at full scale, floats do not
        data = base64.b64encode(flac(track.samples / peak, recording.sample_rate)).decode("ascii")
        tracks.append({**shown, "gain": round(gain * peak, 5), "flac": data})
    return {"rate": recording.sample_rate, "transcript": recording.transcript, "tracks": tracks}


def flac(samples: Audio, sample_rate: int) -> bytes:
    """16-bit FLAC of ``samples``."""
    buffer = BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def leveled(signals: Sequence[Audio | None], sample_rate: int) -> list[float]:
    """A gain for each signal: one loudness for all, ``LOUDNESS`` or what the highest peak allows; 1 for silence."""
    measured = [-math.inf if signal is None else loudness(signal, sample_rate) for signal in signals]
    target = LOUDNESS
    for signal, level in zip(signals, measured, strict=True):
        if signal is not None and math.isfinite(level):
            target = min(target, level + 20 * math.log10(PEAK / max(float(np.abs(signal).max()), 1e-9)))
    return [10 ** ((target - level) / 20) if math.isfinite(level) else 1.0 for level in measured]
