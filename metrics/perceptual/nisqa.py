"""NISQA: a non-intrusive prediction, by a network, of five mean opinion scores, 1 to 5.

Mittag, Naderi, Chehadi, Möller, "NISQA: A Deep CNN-Self-Attention Model for Multidimensional Speech Quality
Prediction with Crowdsourced Datasets", Interspeech 2021, version 2.0, by torchmetrics. Its mel spectrogram reaches up
to 20 kHz, at the recording's own sampling rate. The authors' weights (CC BY-NC-SA 4.0) are not distributed here;
users download them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from metrics.base import Aspect, Clip, Metric, Undefined
from metrics.models import model_file, sha256

WEIGHTS = "~/.torchmetrics/NISQA/nisqa.tar"
"""Where torchmetrics looks for the weights."""

HOW = f"download https://github.com/gabrielmittag/NISQA/raw/master/weights/nisqa.tar to {WEIGHTS}"

OUTPUTS = ("overall", "noisiness", "discontinuity", "coloration", "loudness")
"""Names of the scores, in the order in which torchmetrics returns them."""


class Nisqa(Metric):
    """Overall quality, MOS 1 to 5.

    Raises:
        UserError: the weights file is missing.
    """

    label = "NISQA"
    unit = "MOS"
    aspect: ClassVar[Aspect] = "quality"
    low, high = 1.0, 5.0
    needs_clean = False
    min_seconds = 0.25
    full_scale = True
    package = "torchmetrics"
    output: ClassVar[str] = "overall"

    def __init__(self) -> None:
        self._file = model_file(WEIGHTS, "nisqa", HOW)

    def compute(self, clip: Clip) -> float:
        return clip.once(opinions)[self.output]

    def settings(self) -> Mapping[str, str]:
        return {"model": sha256(self._file), "band": "up to 20 kHz, at the recording's rate"}


def opinions(clip: Clip) -> Mapping[str, float]:
    """All five scores, by the names in ``OUTPUTS``.

    Raises:
        Undefined: the enhanced speech is constant, or longer (52 s) or shorter than NISQA accepts.
    """
    import torch
    from torchmetrics.functional.audio.nisqa import non_intrusive_speech_quality_assessment

    if np.ptp(clip.enhanced) == 0:
        raise Undefined("the enhanced speech is constant: there is nothing to hear")
    speech: Any = torch.from_numpy(clip.enhanced.copy())
    try:
        scores: list[float] = non_intrusive_speech_quality_assessment(speech, clip.sample_rate).tolist()
    except RuntimeError as error:
        if "Maximum number" in str(error):
            raise Undefined("longer than NISQA takes (52 s)") from error
        if "too short" in str(error):
            raise Undefined("shorter than NISQA takes") from error
        raise
    return dict(zip(OUTPUTS, scores, strict=True))


class NisqaNoisiness(Nisqa):
    """Noisiness, MOS 1 to 5; 5: not noisy."""

    label = "NISQA-NOI"
    aspect = "dimension"
    output = "noisiness"


class NisqaDiscontinuity(Nisqa):
    """Discontinuity, MOS 1 to 5; 5: continuous."""

    label = "NISQA-DIS"
    aspect = "dimension"
    output = "discontinuity"


class NisqaColoration(Nisqa):
    """Coloration, MOS 1 to 5; 5: not coloured."""

    label = "NISQA-COL"
    aspect = "dimension"
    output = "coloration"


class NisqaLoudness(Nisqa):
    """Loudness, MOS 1 to 5; 5: optimal."""

    label = "NISQA-LOUD"
    aspect = "dimension"
    output = "loudness"
