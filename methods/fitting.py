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


def fitted(speech: Audio, rate: int, samples: int, sample_rate: int, tolerance: int, source: object) -> Enhanced:
    """``speech`` at the recording's rate and as long as it, with what was done for that in ``adjusted``.

    ``resampled_from``: its own rate in Hz, where that is another. ``samples``: how many it had more than the
    recording (these were cut off its end) or, negative, fewer (zeros were appended). A difference that
    rounding explains, less than one sample at the lower rate, is not told.

    Args:
        speech: float32 ``[any]`` at ``rate`` Hz.
        samples, sample_rate: of the recording.
        tolerance: by how many samples at ``sample_rate`` the lengths may differ.
        source: what the message names.

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
