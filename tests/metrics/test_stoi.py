from __future__ import annotations

import json

import numpy as np
import pytest

from metrics.base import create
from tests.metrics.signals import RATE, hiss, pair, syllables
from tests.reference.take import GOLDEN


@pytest.mark.parametrize("name", ["stoi", "estoi"])
def test_the_reference_itself_scores_one(name: str) -> None:
    clean = syllables()
    assert create(name).score(clean, pair(clean, clean)).value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", ["stoi", "estoi"])
def test_unrelated_noise_scores_below_noisy_speech(name: str) -> None:
    clean = syllables(4.0)
    noisy = clean + hiss(clean, 0.02)
    unrelated = create(name).score(hiss(clean, 0.1), pair(clean, noisy)).value
    assert unrelated < create(name).score(noisy, pair(clean, noisy)).value < 1


@pytest.mark.parametrize("name", ["stoi", "estoi"])
@pytest.mark.parametrize("samples", [1, 100, 6399])
def test_less_than_one_segment_is_undefined(name: str, samples: int) -> None:
    clean = syllables()[:samples]
    assert create(name).score(clean, pair(clean, clean)).status == "undefined"


def test_too_little_speech_between_silences_is_undefined_not_a_hundred_thousandth() -> None:
    clean = np.zeros(2 * RATE, dtype=np.float32)
    clean[:1000] = hiss(clean[:1000], 0.1)
    score = create("stoi").score(hiss(clean, 0.1), pair(clean, clean))
    assert (score.status, score.value) == ("undefined", None)
    assert "silent frames" in score.reason


def test_neither_depends_on_numpys_global_generator_nor_moves_it() -> None:
    clean = syllables()
    noisy = clean + hiss(clean, 0.05)
    values = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        expected = np.random.RandomState(seed).standard_normal()
        values.append(create("estoi").score(noisy, pair(clean, noisy)).value)
        assert np.random.standard_normal() == expected  # noqa: NPY002
    assert values[0] == values[1]


def test_reference_values() -> None:
    signals = np.load(GOLDEN / "metrics/metrics_signals.npz")
    golden = json.loads((GOLDEN / "metrics/metrics.json").read_text())
    for i in range(4):
        utterance = pair(signals[f"clean{i}"], signals[f"noisy{i}"])
        for name in ("stoi", "estoi"):
            found = create(name).score(signals[f"est{i}"], utterance).value
            assert found == pytest.approx(golden[f"triple{i}"][name], abs=1e-9)
