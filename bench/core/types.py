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
"""Why a value is there or missing.

``ok`` a number; ``undefined`` the quantity does not exist for this input (a silent reference);
``error`` something failed (a corrupt file, a crash); ``skipped`` not asked for or not possible here.
"""


@dataclass(frozen=True, eq=False)
class Utterance:
    """One recording to enhance, with what is known about it."""

    id: str
    noisy: Audio
    sample_rate: int
    clean: Audio | None = None
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    resampled_from: int | None = None
    """The file's own rate in Hz, where the dataset resampled it."""


@dataclass(frozen=True)
class Score:
    """One metric's answer: a finite ``value`` exactly when ``status`` is ``ok``."""

    value: float | None
    status: Status = "ok"
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.value is not None and math.isfinite(self.value)):
            raise ValueError(f"a score is ok exactly when its value is finite, got {self.value}, {self.status}")

    @staticmethod
    def missing(status: Status, reason: str) -> Score:
        return Score(None, status, reason)
