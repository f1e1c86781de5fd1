"""Listeners of whom everything is known, and the submissions that webMUSHRA would send for them."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from listening_test.design.mapping import Test

QUALITY = {
    **{"reference": 100.0, "lowpass_3500": 20.0, "lowpass_7000": 60.0, "low": 30.0, "middle": 55.0, "high": 75.0},
    **{"mixture": 25.0, "mixture_10db": 55.0, "half": 45.0, "tenth": 80.0},
}
"""The true score of each condition."""

Rate = Callable[[str, str, np.random.Generator], float]
"""A listener: the score for (clip, condition)."""


def careful(bias: float = 0.0, noise: float = 5.0) -> Rate:
    """Hears the truth, shifted and with noise; the hidden reference is always found."""

    def rate(clip: str, condition: str, rng: np.random.Generator) -> float:
        if condition == "reference":
            return 100.0
        return QUALITY[condition] + clip_effect(clip) + bias + noise * rng.normal()

    return rate


def at_random(clip: str, condition: str, rng: np.random.Generator) -> float:
    return rng.uniform(0, 100)


def reversed_scale(clip: str, condition: str, rng: np.random.Generator) -> float:
    return 100 - careful()(clip, condition, rng)


def blind_to_the_reference(clip: str, condition: str, rng: np.random.Generator) -> float:
    """Careful otherwise, but finds nothing perfect."""
    return 70 + 5 * rng.normal() if condition == "reference" else careful()(clip, condition, rng)


def clip_effect(clip: str) -> float:
    """Some clips are easier: from -6 to 6 points."""
    return float(np.random.default_rng(sum(map(ord, clip))).uniform(-6, 6))


def ratings(
    listeners: Mapping[str, Rate], conditions: Sequence[str], clips: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Imported ratings, one clip a page."""
    rng = np.random.default_rng(seed)
    lines = [
        {
            **{"listener": listener, "session": f"s-{listener}", "status": "complete", "group": "group1"},
            **{"page": f"p-{clip}", "training": False, "dataset": "talk", "utterance": clip, "condition": condition},
            **{"other": "", "score": float(np.clip(round(rate(clip, condition, rng)), 0, 100)), "seconds": 20.0},
            **{"again": False, "played": math.nan, "moved": math.nan},
        }
        for listener, rate in listeners.items()
        for clip in clips
        for condition in conditions
    ]
    return pd.DataFrame(lines)


def submission(test: Test, group: str, listener: str, answer: Callable[[str, str], Any]) -> dict[str, Any]:
    """What webMUSHRA posts at the end: scores as text, a random order on every page, no two of the same times.

    Args:
        answer: the answer to (page, key).
    """
    rng, clock = np.random.default_rng(0), np.random.default_rng()
    trials = [
        {
            "id": page,
            "type": {"mushra": "mushra", "abx": "paired_comparison"}.get(test.kind, "likert_single_stimulus"),
            "responses": [
                _response(test, page, key, answer(page, key), time) for key in rng.permutation(test.keys(page)).tolist()
            ],
        }
        for page in test.groups[group]
        for time in [int(clock.integers(8000, 40000))]
    ]
    questions = {"listener": listener, "headphones": "over_ear", "age_band": "from_20"}
    participant = {"name": list(questions), "response": list(questions.values())}
    config = f"configs/{test.name}/{group}.yaml"
    return {
        "testId": test.name,
        "participant": participant,
        "trials": trials,
        "uuid": str(uuid.uuid4()),
        "config": config,
    }


def _response(test: Test, page: str, key: str, value: Any, time: int) -> dict[str, Any]:
    if test.kind == "mushra":
        return {"stimulus": key, "score": str(value), "comment": None, "time": time}
    if test.kind == "abx":
        return {"reference": "reference", "nonReference": key, "answer": value, "comment": None, "time": time}
    return {"stimulus": key, "stimulusRating": [str(value)], "time": time}
