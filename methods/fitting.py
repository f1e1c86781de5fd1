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


def fitted(speech: Audio, rate: int, samples: int, sample_rate: int, tolerance: int, source: object) -> Enhanced:
    """``speech`` at the recording's rate and not shorter than it, with the changes in ``adjusted``.

    ``resampled_from``: its own rate in Hz, if different. ``samples``: by how many samples it was longer than the
    recording or, if negative, shorter (zeros were appended). A difference below one sample at the lower rate is due to
    rounding and not reported. What it is longer by is left for ``Method.enhance``, which compensates a delay first and
    then cuts the end.

    Args:
        speech: float32 ``[any]`` at ``rate`` Hz.
        samples, sample_rate: of the recording.
        tolerance: by how many samples at ``sample_rate`` the lengths may differ.
        source: the name in error messages.

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
    return Enhanced(np.pad(fit, (0, max(0, -difference))), adjusted=adjusted)


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
