"""Fit speech that was enhanced elsewhere to the recording's rate and length."""

from __future__ import annotations

import math

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from methods.alignment import Align


def check_tolerance(tolerance: object) -> None:
    """Raise ``UserError`` unless it is None or a whole number of samples, 0 or more."""
    if tolerance is not None and (not isinstance(tolerance, int) or isinstance(tolerance, bool) or tolerance < 0):
        raise UserError(f"tolerance: a whole number of samples from 0 up, got {tolerance!r}")


def fitted(
    speech: Audio, rate: int, samples: int, sample_rate: int, tolerance: int | None, align: Align | None, source: object
) -> tuple[Audio, dict[str, Tag]]:
    """``speech`` at the recording's rate and not shorter than it, and the changes, for ``Enhanced.adjusted``.

    ``resampled_from``: its own rate in Hz, if different. ``samples``: by how many samples it was longer than the
    recording or, if negative, shorter (zeros were appended). A difference below one sample at the lower rate is due to
    rounding and not reported. What it is longer by is left for ``Method.enhance``, which compensates a delay first and
    then cuts the end.

    Args:
        speech: float32 ``[any]`` at ``rate`` Hz.
        samples, sample_rate: of the recording.
        tolerance: by how many samples at ``sample_rate`` the lengths may differ; None: by any number if ``align`` is
            given, else by none.
        align: what may be done about a difference (``Alignment.align``).
        source: the name in error messages.

    Raises:
        UserError: the lengths differ by more than ``tolerance``, or in a way that ``align`` does not mend.
    """
    adjusted: dict[str, Tag] = {}
    fit = audio.resample(speech, rate, sample_rate)
    rounding = 0
    if rate != sample_rate:
        adjusted["resampled_from"] = rate
        rounding = math.ceil(sample_rate / min(rate, sample_rate))
    difference = fit.size - samples
    if abs(difference) > rounding:
        if refusal := _refusal(difference, tolerance, align):
            at = "" if rate == sample_rate else f" ({speech.size} at {rate} Hz)"
            raise UserError(f"{source}: {fit.size} samples{at}, but the noisy recording has {samples}; {refusal}")
        adjusted["samples"] = difference
    return np.pad(fit, (0, max(0, -difference))), adjusted


def _refusal(difference: int, tolerance: int | None, align: Align | None) -> str:
    """Why a difference of length is not mended, and what would mend it; empty if it is."""
    amount, shorter = abs(difference), difference < 0
    most = tolerance if tolerance is not None else math.inf if align else 0
    if align == "refuse" or (align == "trim" and shorter):
        limit, option = f" than align: {align} allows", f"align: {'pad' if shorter else 'trim'}"
    elif amount > most:
        limit, option = f" than tolerance: {tolerance} allows" if tolerance else "", f"tolerance: {amount}"
    else:
        return ""
    side, remedy = ("fewer", "pads its end with zeros") if shorter else ("more", "cuts its end")
    return f"that is {amount} {side}{limit}: if it is the same recording, {option} {remedy}"
