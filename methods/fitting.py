"""Fit externally enhanced speech to the recording's rate and length."""

from __future__ import annotations

import math

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from methods.base import Enhanced


def check_tolerance(tolerance: object) -> None:
    """Raise ``UserError`` unless it is a whole number of samples, 0 or more."""
    if not isinstance(tolerance, int) or isinstance(tolerance, bool) or tolerance < 0:
        raise UserError(f"tolerance: a whole number of samples from 0 up, got {tolerance!r}")


def check_delay(delay: object) -> None:
    """Raise ``UserError`` unless it is a finite number of samples."""
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not math.isfinite(delay):
        raise UserError(f"delay: a number of samples at the recording's rate, got {delay!r}")


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


def fitted(
    speech: Audio, rate: int, samples: int, sample_rate: int, tolerance: int, source: object, delay: float = 0
) -> Enhanced:
    """``speech`` at the recording's rate and length, with the changes in ``adjusted``.

    ``resampled_from``: its own rate in Hz, if different. ``samples``: by how many samples it was longer than the
    recording (its end was cut) or, if negative, shorter (zeros were appended). A difference below one sample at the
    lower rate is due to rounding and not reported. ``delay``: by how many samples it was shifted earlier.

    Args:
        speech: float32 ``[any]`` at ``rate`` Hz.
        samples, sample_rate: of the recording.
        tolerance: by how many samples at ``sample_rate`` the lengths may differ.
        source: the name in error messages.
        delay: its delay relative to the recording in samples at ``sample_rate``, which is compensated.

    Raises:
        UserError: the lengths differ by more.
    """
    adjusted: dict[str, Tag] = {}
    fit = audio.resample(speech, rate, sample_rate)
    rounding = 0
    if rate != sample_rate:
        adjusted["resampled_from"] = rate
        rounding = math.ceil(sample_rate / min(rate, sample_rate))
    difference = fit.size - samples
    if abs(difference) > rounding:
        if abs(difference) > tolerance:
            raise UserError(_refusal(speech.size, rate, fit.size, samples, sample_rate, tolerance, source))
        adjusted["samples"] = difference
    if delay:
        adjusted["delay"] = delay
        fit = advanced(fit, delay)
    return Enhanced(np.pad(fit[:samples], (0, max(0, -difference))), adjusted=adjusted)


def _refusal(own: int, rate: int, size: int, samples: int, sample_rate: int, tolerance: int, source: object) -> str:
    at = "" if rate == sample_rate else f" ({own} at {rate} Hz)"
    difference = abs(size - samples)
    remedy = "pads its end with zeros" if size < samples else "cuts its end"
    given = f" than tolerance: {tolerance} allows" if tolerance else ""
    side = "fewer" if size < samples else "more"
    return (
        f"{source}: {size} samples{at}, but the noisy recording has {samples}; that is {difference} {side}{given}: if "
        f"it is the same recording, tolerance: {difference} {remedy}"
    )
