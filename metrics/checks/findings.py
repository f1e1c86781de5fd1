"""The findings of a recording, and of enhanced speech that was made from it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bench.core.findings import kind
from bench.core.types import Audio, Utterance
from metrics.checks import alignment, band, levels

Found = dict[str, float]


def of_recording(utterance: Utterance) -> Found:
    """What is amiss with the recording itself, whatever is made of it; names have the prefix of their signal.

    What the clean speech has already is not said again of the noisy.
    """
    clean = {} if utterance.clean is None else _alone(utterance.clean, utterance.sample_rate)
    noisy = _alone(utterance.noisy, utterance.sample_rate)
    if utterance.clean is not None:
        noisy |= _beside(utterance.noisy, utterance.clean, utterance.sample_rate)
    return _named("clean_", clean) | _named("noisy_", _new(noisy, clean))


def of_enhanced(enhanced: Audio, utterance: Utterance, recording: Mapping[str, float]) -> Found:
    """What is amiss with enhanced speech that the recording does not have already.

    Args:
        recording: what ``of_recording`` found.
    """
    found = _alone(enhanced, utterance.sample_rate)
    reference = utterance.noisy if utterance.clean is None else utterance.clean
    found |= _beside(enhanced, reference, utterance.sample_rate)
    if utterance.clean is None:
        found.pop("level", None)  # relative to speech in noise: enhancement lowers it
    for prefix in ("clean_", "noisy_"):
        found = _new(found, {kind(name)[1]: value for name, value in recording.items() if kind(name)[0] == prefix})
    return _named("", found)


def _alone(signal: Audio, sample_rate: int) -> Found:
    if not (signal.size and np.isfinite(signal).all()):
        return {}
    return levels.check(signal, sample_rate) | band.check(signal, sample_rate)


def _beside(signal: Audio, reference: Audio, sample_rate: int) -> Found:
    """Nothing of signals that no metric will compare: they end in an error."""
    if signal.shape != reference.shape or not (np.isfinite(signal).all() and np.isfinite(reference).all()):
        return {}
    return alignment.check(signal, reference, sample_rate)


def _new(found: Mapping[str, float], known: Mapping[str, float]) -> Found:
    """``found`` without what is known to the same extent."""
    return {
        name: value
        for name, value in found.items()
        if name not in known or not math.isclose(value, known[name], rel_tol=0.1)
    }


def _named(prefix: str, found: Mapping[str, float]) -> Found:
    """With the names that rows carry, and no more digits than anyone needs."""
    return {prefix + name: float(f"{value:.4g}") for name, value in found.items()}
