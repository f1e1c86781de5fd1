"""Whatever goes in, every metric answers with a finite value or with the type of what is missing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.types import Utterance
from metrics.base import METRICS, create
from tests.metrics.signals import RATE, hiss, pair, syllables

CLEAN = syllables()
NOISY = CLEAN + hiss(CLEAN, 0.05)
SILENT = np.zeros_like(CLEAN)
CONSTANT = np.full_like(CLEAN, 0.2)
BROKEN = np.where(np.arange(CLEAN.size) == 7, np.float32(np.nan), CLEAN)
ONE = np.array([0.5], dtype=np.float32)

OURS = [name for name in METRICS.names() if METRICS.origin(name) == "sebench"]
every = pytest.mark.parametrize("name", OURS)
intrusive = pytest.mark.parametrize("name", [name for name in OURS if METRICS.get(name).needs_clean])


@every
@pytest.mark.parametrize(
    ("enhanced", "utterance"),
    [
        pytest.param(NOISY, pair(CLEAN, NOISY), id="ordinary"),
        pytest.param(CLEAN, pair(CLEAN, CLEAN), id="all-equal"),
        pytest.param(SILENT, pair(SILENT, SILENT), id="all-silent"),
        pytest.param(CONSTANT, pair(CONSTANT, CONSTANT), id="all-constant"),
        pytest.param(CONSTANT, pair(CLEAN, NOISY), id="constant-enhanced"),
        pytest.param(ONE, pair(ONE, ONE), id="one-sample"),
        pytest.param(ONE, pair(ONE, ONE, 96000), id="one-sample-at-96-kHz"),
        pytest.param(NOISY * 1e-20, pair(CLEAN * 1e-20, NOISY * 1e-20), id="almost-silent"),
        pytest.param(NOISY * 1e10, pair(CLEAN, NOISY), id="enormous"),
    ],
)
def test_a_finite_value_or_undefined(name: str, enhanced: np.ndarray, utterance: Utterance) -> None:
    score = create(name).score(enhanced, utterance)
    assert score.status in ("ok", "undefined"), score
    assert (score.value is not None) == (score.status == "ok")
    assert score.value is None or np.isfinite(score.value)
    assert bool(score.reason) == (score.status != "ok")


@intrusive
@pytest.mark.parametrize(
    ("enhanced", "clean", "who"), [(NOISY, SILENT, "clean reference"), (SILENT, CLEAN, "enhanced speech")]
)
def test_silence_is_undefined(name: str, enhanced: np.ndarray, clean: np.ndarray, who: str) -> None:
    score = create(name).score(enhanced, pair(clean, NOISY))
    assert (score.status, score.reason) == ("undefined", f"the {who} is silent")


@every
@pytest.mark.parametrize(
    ("enhanced", "clean", "noisy", "reason"),
    [
        (BROKEN, CLEAN, NOISY, "enhanced holds NaN or infinity"),
        (NOISY, BROKEN, NOISY, "clean holds NaN or infinity"),
        (NOISY[:-1], CLEAN, NOISY, "enhanced has 31999 samples, noisy 32000"),
        (NOISY, CLEAN[:-1], NOISY, "clean has 31999 samples, noisy 32000"),
        (NOISY[None], CLEAN, NOISY, "enhanced must be samples of one channel, got shape [1, 32000]"),
        (NOISY[:0], CLEAN, NOISY, "enhanced must be samples of one channel, got shape [0]"),
    ],
)
def test_signals_that_cannot_be_compared_are_errors(
    name: str, enhanced: np.ndarray, clean: np.ndarray, noisy: np.ndarray, reason: str
) -> None:
    score = create(name).score(enhanced, pair(clean, noisy))
    assert (score.status, score.value, score.reason) == ("error", None, reason)


@every
def test_without_a_clean_reference(name: str) -> None:
    score = create(name).score(NOISY, pair(None, NOISY))
    assert score.status == ("skipped" if create(name).needs_clean else "ok")


@every
def test_scoring_leaves_its_input_alone_and_repeats(name: str) -> None:
    enhanced, clean, noisy = NOISY.copy(), CLEAN.copy(), NOISY.copy()
    metric, utterance = create(name), Utterance("clip", noisy, RATE, clean)
    assert metric.score(enhanced, utterance) == metric.score(enhanced, utterance)
    assert np.array_equal(enhanced, NOISY)
    assert np.array_equal(clean, CLEAN)


@every
def test_provenance_names_what_the_value_depends_on(name: str) -> None:
    metric = create(name)
    provenance = metric.provenance()
    assert metric.label
    assert re.fullmatch(r"(sebench, revision \d+)|([\w-]+ \d[\w.]*)", provenance["package"])
    assert ("resampler" in provenance) == (metric.sample_rate is not None)
    assert all(isinstance(value, str) for value in provenance.values())


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown metric 'pesk': did you mean 'pesq'"):
        create("pesk")
