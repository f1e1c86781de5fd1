"""Speech that came from outside, made to fit the recording: its rate and its length."""

from __future__ import annotations

import math

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from methods.base import Enhanced


def check_tolerance(tolerance: object) -> None:
    """Raises ``UserError`` unless it is a whole number of samples from 0 up."""
    if not isinstance(tolerance, int) or isinstance(tolerance, bool) or tolerance < 0:
        raise UserError(f"tolerance: a whole number of samples from 0 up, got {tolerance!r}")


def check_delay(delay: object) -> None:
    """Raises ``UserError`` unless it is a finite number of samples."""
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not math.isfinite(delay):
        raise UserError(f"delay: a number of samples at the recording's rate, got {delay!r}")


def advanced(speech: Audio, delay: float) -> Audio:
    """``speech`` so many samples earlier, as long as it was; zeros come in at the other end.

    A fraction of a sample is a shift of the spectrum's phase.
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
    """``speech`` at the recording's rate and as long as it, with what was done for that in ``adjusted``.

    ``resampled_from``: its own rate in Hz, where that is another. ``samples``: how many it had more than the
    recording (these were cut off its end) or, negative, fewer (zeros were appended). A difference that
    rounding explains, less than one sample at the lower rate, is not told. ``delay``: by how many samples it was
    moved ahead.

    Args:
        speech: float32 ``[any]`` at ``rate`` Hz.
        samples, sample_rate: of the recording.
        tolerance: by how many samples at ``sample_rate`` the lengths may differ.
        source: what the message names.
        delay: by how many samples at ``sample_rate`` it lags behind the recording, which is compensated.

    Raises:
        UserError: they differ by more.
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
