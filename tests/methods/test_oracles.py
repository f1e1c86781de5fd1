"""Oracles: given the reference, near the ceiling, never best."""

from __future__ import annotations

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.types import Audio
from methods import create

RATE = 16000
TIME = np.arange(RATE) / RATE
CLEAN = (0.2 * np.sin(2 * np.pi * 440 * TIME) * (TIME % 0.5 < 0.3)).astype(np.float32)
NOISY = CLEAN + np.random.default_rng(0).normal(0, 0.05, RATE).astype(np.float32)
ORACLES = ("clean", "ideal_ratio_mask", "phase_sensitive_mask")


def si_sdr(estimate: Audio) -> float:
    scaled = np.dot(estimate, CLEAN) / np.dot(CLEAN, CLEAN) * CLEAN
    return float(10 * np.log10(np.sum(scaled**2) / (np.sum((estimate - scaled) ** 2) + 1e-12)))


def enhanced(name: str, noisy: Audio = NOISY, clean: Audio | None = CLEAN, **options: object) -> Audio:
    method = create(name, **options)
    assert method.paradigm == "oracle" and method.needs_clean
    return method.enhance(noisy, RATE, clean=clean).audio  # type: ignore[call-arg]


def test_the_reference_comes_back() -> None:
    np.testing.assert_array_equal(enhanced("clean"), CLEAN)


def test_masks_come_in_the_order_of_what_they_know() -> None:
    """The phase-sensitive mask is the best real gain up to 1, the ratio mask of beta 1 the Wiener filter."""
    root, wiener, sensitive = (
        si_sdr(enhanced("ideal_ratio_mask")),
        si_sdr(enhanced("ideal_ratio_mask", beta=1.0)),
        si_sdr(enhanced("phase_sensitive_mask")),
    )
    assert si_sdr(NOISY) + 10 < root < wiener < sensitive


@pytest.mark.parametrize("name", ORACLES)
def test_clean_speech_passes_and_silence_stays(name: str) -> None:
    np.testing.assert_allclose(enhanced(name, CLEAN, CLEAN), CLEAN, atol=1e-5)
    assert not enhanced(name, 0 * CLEAN, 0 * CLEAN).any()
    for size in (1, 100):
        assert enhanced(name, NOISY[:size], CLEAN[:size]).shape == (size,)


@pytest.mark.parametrize("name", ORACLES)
def test_without_a_reference_it_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="this recording has none"):
        enhanced(name, clean=None)
    with pytest.raises(UserError, match="the clean reference has"):
        enhanced(name, clean=CLEAN[1:])


def test_beta_is_above_0() -> None:
    with pytest.raises(UserError, match="beta must be above 0"):
        create("ideal_ratio_mask", beta=0)
