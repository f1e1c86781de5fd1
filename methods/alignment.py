"""The delay and polarity of a method's output against the recording: measured, and compensated."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from bench.core.errors import UserError
from bench.core.lag import Lag, fine_lag
from bench.core.types import Audio, Tag, Utterance

AUTO = "auto"

Align = Literal["refuse", "trim", "pad"]

TOLD = 16
"""From this lag on, in samples, it is said of a method that does not compensate one."""

MOST_SECONDS, LONGEST_SECONDS = 0.5, 30.0
"""The largest lag looked for, and how much of a recording is compared at most."""

LEAST_CORRELATION = 0.2
"""With less, the output resembles the recording too little for its lag to mean anything."""

RECORDINGS = 10
"""So many recordings are enough: a system's delay is the same for all."""


@dataclass(frozen=True)
class Alignment:
    """How the output of a system is aligned with the recording.

    Attributes:
        delay: how far it lags behind: a number of samples at the method's rate, or at the recording's where it has
            none; a time, ``30 ms``; or ``auto``, which ``bench run`` and ``bench enhance`` measure and replace.
        invert: whether its polarity is inverted, and turned back.
        align: what is done about an output of another length than the recording. ``refuse``: it is an error. ``trim``:
            a longer one is cut at its end, a shorter one an error. ``pad``: a longer one is cut, a shorter one filled
            with zeros. None: as the method does without it.

    Raises:
        UserError: neither of these.
    """

    delay: float | str = 0
    invert: bool = False
    align: Align | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.invert, bool):
            raise UserError(f"invert: true or false, got {self.invert!r}")
        if self.align not in (None, *get_args(Align)):
            raise UserError(f"align: {', '.join(get_args(Align))} or null, got {self.align!r}")
        if self.delay != AUTO:
            self.samples(1)

    def samples(self, sample_rate: int) -> float:
        """The delay in samples at ``sample_rate`` Hz.

        Raises:
            UserError: it is still to be measured.
        """
        if self.delay == AUTO:
            raise UserError("delay: auto is measured by bench run and bench enhance; elsewhere, a number of samples")
        if isinstance(self.delay, str):
            number = re.fullmatch(r"\s*([-+]?\d*\.?\d+(?:e[-+]?\d+)?)\s*ms\s*", self.delay)
            if number:
                return float(number[1]) * sample_rate / 1000
        elif not isinstance(self.delay, bool) and isinstance(self.delay, int | float) and math.isfinite(self.delay):
            return self.delay
        raise UserError(f"delay: a number of samples, a time ('30 ms') or auto, got {self.delay!r}")

    def applied(self, speech: Audio, sample_rate: int) -> tuple[Audio, dict[str, Tag]]:
        """``speech`` aligned, and what was done to it: ``delay`` in samples, ``inverted``."""
        delay, done = self.samples(sample_rate), dict[str, Tag]()
        if delay:
            speech, done["delay"] = advanced(speech, delay), round(delay, 3)
        if self.invert:
            speech, done["inverted"] = -speech, 1
        return speech, done


def advanced(speech: Audio, delay: float) -> Audio:
    """``speech`` shifted ``delay`` samples earlier, with the same length; zeros are inserted at the other end.

    A fraction of a sample is a phase shift of the spectrum.
    """
    whole = round(delay)
    moved = np.pad(speech[max(0, whole) :], (max(0, -whole), max(0, whole)))[: speech.size]
    moved = np.pad(moved, (0, speech.size - moved.size))
    fraction = delay - whole
    if not fraction:
        return moved
    size = 2 * speech.size
    spectrum = np.fft.rfft(moved, size) * np.exp(2j * np.pi * fraction * np.fft.rfftfreq(size))
    return np.asarray(np.fft.irfft(spectrum, size)[: speech.size], dtype=np.float32)


@dataclass(frozen=True)
class Measured:
    """The lag of a system's output behind the recordings.

    Attributes:
        lags: of each recording that resembles its output, in seconds.
        inverted: whether most outputs have inverted polarity.
        sample_rate: of the first recording, in Hz; sentences give samples at this rate.
    """

    lags: tuple[float, ...]
    inverted: bool
    sample_rate: int

    @property
    def seconds(self) -> float:
        """The median."""
        return float(np.median(self.lags))

    @property
    def samples(self) -> float:
        return self.seconds * self.sample_rate

    @property
    def delay(self) -> str:
        """The median as the option ``delay``, for any rate."""
        return f"{1000 * self.seconds:.6g} ms"

    def told(self) -> str:
        """The median in words, with the spread where the recordings differ."""
        spread = (max(self.lags) - min(self.lags)) * self.sample_rate
        of = f"median of {len(self.lags)} recordings" if len(self.lags) > 1 else "one recording"
        range_ = f", which differ by up to {spread:.1f}" if spread > 1 else ""
        return f"lags by {self.samples:.2f} samples at {self.sample_rate} Hz ({of}{range_})"

    @property
    def polarity(self) -> list[str]:
        """A sentence if it is inverted."""
        return ["has inverted polarity; invert: true undoes it"] if self.inverted else []

    def warnings(self) -> list[str]:
        """What should be said of a system that is scored as it is."""
        late = abs(self.samples) > TOLD
        return [*([f"{self.told()}; delay: {self.samples:.6g} compensates"] if late else []), *self.polarity]


def measure(enhanced: Callable[[Utterance], Audio], recordings: Iterable[Utterance]) -> Measured | None:
    """The lag of ``enhanced`` behind each recording; None if no output resembles its recording.

    Args:
        enhanced: gives a recording's output, of the recording's length and rate. A recording of which it raises
            ``UserError`` is left out.
    """
    found: list[tuple[Lag, int]] = []
    for recording in recordings:
        try:
            speech = enhanced(recording)
        except UserError:  # its own row will say why
            continue
        found.append((_lag(speech, recording), recording.sample_rate))
    alike = [(lag, rate) for lag, rate in found if abs(lag.correlation) >= LEAST_CORRELATION]
    if not alike:
        return None
    inverted = 2 * sum(lag.correlation < 0 for lag, _ in alike) > len(alike)
    return Measured(tuple(lag.samples / rate for lag, rate in alike), inverted, alike[0][1])


def _lag(speech: Audio, recording: Utterance) -> Lag:
    rate = recording.sample_rate
    sounding = np.flatnonzero(recording.noisy)
    part = slice(int(sounding[0]) if sounding.size else 0, None)
    part = slice(part.start, part.start + round(LONGEST_SECONDS * rate))
    return fine_lag(speech[part], recording.noisy[part], round(MOST_SECONDS * rate))
