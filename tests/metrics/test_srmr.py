from __future__ import annotations

import numpy as np
import pytest

from metrics.base import create
from tests.metrics.signals import RATE, pair, syllables


def value(signal: np.ndarray) -> float:
    found = create("srmr").score(signal.astype(np.float32), pair(None, signal)).value
    assert found is not None
    return found


def modulated(hertz: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(2 * RATE)
    return 0.1 * noise * (1 + np.sin(2 * np.pi * hertz * np.arange(noise.size) / RATE))


def test_slow_modulation_scores_above_fast() -> None:
    assert value(modulated(4)) > 1.5 * value(modulated(64))


def test_reverberation_lowers_it() -> None:
    dry = syllables(3.0)
    decay = np.random.default_rng(3).standard_normal(RATE // 2) * np.exp(-np.arange(RATE // 2) / (0.1 * RATE))
    assert value(np.convolve(dry, decay)[: dry.size] * 0.05) < 0.8 * value(dry)


def test_a_gain_changes_nothing() -> None:
    speech = syllables()
    assert value(0.01 * speech) == pytest.approx(value(speech), rel=1e-5)


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, 2.6870979), (5.3, 2.8453708)])
def test_values_of_another_implementation(seconds: float, expected: float) -> None:
    """torchmetrics 1.9.0's, with a gammatone filterbank of the same package; it differs in the envelope's padding."""
    assert value(syllables(seconds)) == pytest.approx(expected, rel=1e-4)
