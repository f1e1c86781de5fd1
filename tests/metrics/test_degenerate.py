"""Whatever goes in, every metric answers with a finite value or with the type of what is missing."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.types import Score, Utterance
from metrics.base import METRICS, Metric, create
from tests.metrics import parrots  # noqa: F401 (registers them)
from tests.metrics.signals import RATE, hiss, pair, syllables

CLEAN = syllables()
NOISY = CLEAN + hiss(CLEAN, 0.05)
SILENT = np.zeros_like(CLEAN)
CONSTANT = np.full_like(CLEAN, 0.2)
BROKEN = np.where(np.arange(CLEAN.size) == 7, np.float32(np.nan), CLEAN)
ONE = np.array([0.5], dtype=np.float32)

LARGE = {"wvmos", "utmos", "speaker_similarity", "speaker_similarity_ge2e", "distillmos", "visqol"}
"""They need weights or packages that do not come with the project; so does NISQA: test_networks.py, test_judges.py."""

OURS = [
    name
    for name in METRICS.names()
    if METRICS.origin(name) == "sebench" and name not in LARGE and not name.startswith("nisqa")
]
SAME_CALL = {"dnsmos_sig", "dnsmos_bak", "dnsmos_p808"}
"""Other numbers of one call of ``dnsmos``'s networks, which costs seconds of a slow processor."""

LENGTHY = {"dnsmos", "lps", "pesq", "pesq_c2", "estoi", "sdr", "srmr", "pesq_nb", "csig", "cbak", "covl", *SAME_CALL}
"""In 200 seconds of audio; test_pesq.py tries two minutes, and STOI, of which ESTOI differs little, stays."""


@cache
def built(name: str) -> Metric:
    """With a recogniser that hears at once: the real ones are tried in test_recognisers.py."""
    return create(name, recogniser={"name": "parrot", "words": "place blue"}) if name == "wer" else create(name)


def sparing(slow: set[str]) -> pytest.MarkDecorator:
    """Every metric, those in ``slow`` among the slow tests."""
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in OURS]
    )


def scored(name: str, enhanced: np.ndarray, utterance: Utterance) -> Score:
    """With whatever else a metric may need."""
    utterance = replace(utterance, transcript="place blue at one")
    return built(name).score(enhanced, utterance, estimate=utterance.noisy)


every = pytest.mark.parametrize("name", OURS)
intrusive = pytest.mark.parametrize("name", [name for name in OURS if METRICS.get(name).needs_clean])


@sparing(SAME_CALL)
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
        pytest.param(np.sign(NOISY), pair(CLEAN, NOISY), id="clipped"),
    ],
)
def test_a_finite_value_or_undefined(name: str, enhanced: np.ndarray, utterance: Utterance) -> None:
    score = scored(name, enhanced, utterance)
    assert score.status in ("ok", "undefined"), score
    assert (score.value is not None) == (score.status == "ok")
    assert score.value is None or np.isfinite(score.value)
    assert bool(score.reason) == (score.status != "ok")
    if score.value is not None:
        low, high = built(name).low, built(name).high
        assert low is None or low <= score.value + 1e-9
        assert high is None or score.value <= high + 1e-9


@intrusive
@pytest.mark.parametrize(
    ("enhanced", "clean", "who"), [(NOISY, SILENT, "clean reference"), (SILENT, CLEAN, "enhanced speech")]
)
def test_silence_is_undefined(name: str, enhanced: np.ndarray, clean: np.ndarray, who: str) -> None:
    score = scored(name, enhanced, pair(clean, NOISY))
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
    score = scored(name, enhanced, pair(clean, noisy))
    assert (score.status, score.value, score.reason) == ("error", None, reason)


@sparing(SAME_CALL)
def test_without_a_clean_reference(name: str) -> None:
    assert scored(name, NOISY, pair(None, NOISY)).status == ("skipped" if built(name).needs_clean else "ok")


@every
def test_without_a_transcript_or_an_estimate(name: str) -> None:
    metric = built(name)
    lacking = metric.needs_transcript or metric.needs_estimate
    assert (metric.score(NOISY[:100], pair(CLEAN[:100], NOISY[:100])).status == "skipped") == lacking


@sparing(LENGTHY)
def test_two_hundred_seconds(name: str) -> None:
    clean = syllables(200.0)
    assert scored(name, clean + hiss(clean, 0.05), pair(clean, clean + hiss(clean, 0.1))).status in ("ok", "undefined")


@sparing(SAME_CALL)
def test_scoring_leaves_its_input_alone_and_repeats(name: str) -> None:
    enhanced, clean, noisy = NOISY.copy(), CLEAN.copy(), NOISY.copy()
    utterance = Utterance("clip", noisy, RATE, clean)
    assert scored(name, enhanced, utterance) == scored(name, enhanced, utterance)
    assert np.array_equal(enhanced, NOISY)
    assert np.array_equal(clean, CLEAN)


@every
def test_provenance_names_what_the_value_depends_on(name: str) -> None:
    metric = built(name)
    provenance = metric.provenance()
    assert metric.label
    assert re.fullmatch(r"(sebench, revision \d+)|([\w-]+ \d[\w.]*)", provenance["package"])
    assert ("resampler" in provenance) == (metric.sample_rate is not None)
    assert all(isinstance(value, str) for value in provenance.values())


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown metric 'pesk': did you mean 'pesq'"):
        create("pesk")
