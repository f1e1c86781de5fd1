"""The small dataclasses that cross from one package to another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
"""Mono samples, shape ``[samples]``, full scale at ±1."""

Tag = str | float | int

Status = Literal["ok", "undefined", "error", "skipped"]
"""Whether a value exists, or why it is missing.

``ok``: a number; ``undefined``: the quantity does not exist for this input (a silent reference); ``error``: something
failed (a corrupt file, a crash); ``skipped``: not requested or not possible here.
"""


@dataclass(frozen=True, eq=False)
class Utterance:
    """One recording to enhance, with its reference, transcript and tags if known."""

    id: str
    noisy: Audio
    sample_rate: int
    clean: Audio | None = None
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    resampled_from: int | None = None
    """The file's own rate in Hz, if the dataset resampled it."""


@dataclass(frozen=True)
class Score:
    """One metric's result for one recording: a finite ``value`` exactly when ``status`` is ``ok``.

    A rate has counts, ``value = 100 * errors / total``. Over recordings it is the ratio of the sums, not the mean of
    the ratios, so that each word has the same weight.

    Attributes:
        value: in the metric's unit.
        status, reason: whether there is a value, or why it is missing.
        errors, total: of a rate, e.g. wrong words and words of the transcript; else None.
        detail: further facts about this clip, e.g. the recognised words.
    """

    value: float | None
    status: Status = "ok"
    reason: str = ""
    errors: float | None = None
    total: float | None = None
    detail: Mapping[str, Tag] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.value is not None and math.isfinite(self.value)):
            raise ValueError(f"a score is ok exactly when its value is finite, got {self.value}, {self.status}")
        if (self.errors is None) != (self.total is None):
            raise ValueError(f"a rate has both its counts, got {self.errors} of {self.total}")

    @staticmethod
    def rate(errors: float, total: float, **detail: Tag) -> Score:
        """Errors per hundred, with the counts for pooling; ``undefined`` if ``total`` is 0."""
        if total <= 0:
            return Score.missing("undefined", "nothing to count")
        return Score(100 * errors / total, errors=errors, total=total, detail=detail)

    @staticmethod
    def missing(status: Status, reason: str) -> Score:
        return Score(None, status, reason)
