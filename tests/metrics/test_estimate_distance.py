from __future__ import annotations

import numpy as np
import pytest

from metrics.base import create
from tests.metrics.signals import hiss, pair, syllables

ESTIMATE = syllables()


@pytest.mark.parametrize("decibels", [-30.0, 0.0, 6.0])
def test_it_is_the_energy_of_what_was_changed(decibels: float) -> None:
    change = hiss(ESTIMATE, 1.0).astype(np.float64)
    change *= np.linalg.norm(ESTIMATE) / np.linalg.norm(change) * 10 ** (decibels / 20)
    moved = (ESTIMATE + change).astype(np.float32)
    found = create("estimate_distance").score(moved, pair(None, ESTIMATE), ESTIMATE)
    assert found.value == pytest.approx(decibels, abs=1e-3)


def test_it_needs_an_estimate_that_is_not_silent() -> None:
    metric = create("estimate_distance")
    assert metric.score(ESTIMATE, pair(None, ESTIMATE)).reason == "the method has no predictor's estimate"
    assert metric.score(ESTIMATE, pair(None, ESTIMATE), 0 * ESTIMATE).status == "undefined"
    assert metric.score(ESTIMATE, pair(None, ESTIMATE), ESTIMATE).value == -100
    assert metric.score(ESTIMATE, pair(None, ESTIMATE), ESTIMATE[:-1]).status == "error"
