"""Ratios of orthogonal tones are known in closed form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.core.errors import UserError
from metrics.base import create
from metrics.intrusive.si_sdr import decompose
from tests.metrics.signals import hiss, pair, syllables, tone
from tests.reference.take import GOLDEN

SPEECH, NOISE, ARTEFACT = tone(400), 0.5 * tone(1000), tone(2500)


def value(name: str, enhanced: np.ndarray, clean: np.ndarray, noisy: np.ndarray) -> float:
    score = create(name).score(enhanced.astype(np.float32), pair(clean, noisy.astype(np.float32)))
    assert score.value is not None, score
    return score.value


@pytest.mark.parametrize("decibels", [-5.0, 0.0, 10.0, 30.0])
def test_noise_alone_gives_its_snr_in_si_sdr_and_si_sir(decibels: float) -> None:
    noisy = SPEECH + 10 ** (-decibels / 20) * ARTEFACT
    assert value("si_sdr", noisy, SPEECH, noisy) == pytest.approx(decibels, abs=1e-4)
    assert value("si_sir", noisy, SPEECH, noisy) == pytest.approx(decibels, abs=1e-4)


def test_three_orthogonal_parts() -> None:
    enhanced = 0.8 * SPEECH + 0.1 * tone(1000) + 0.05 * ARTEFACT
    found = [value(name, enhanced, SPEECH, SPEECH + NOISE) for name in ("si_sdr", "si_sir", "si_sar")]
    powers = [0.1**2 + 0.05**2, 0.1**2, 0.05**2]
    assert found == pytest.approx([10 * np.log10(0.8**2 / power) for power in powers], abs=1e-4)


def test_the_parts_sum_to_the_estimate() -> None:
    clean = syllables()
    noisy, enhanced = clean + hiss(clean, 0.05), syllables(seed=2)
    assert sum(decompose(enhanced, clean, noisy)) == pytest.approx(enhanced, abs=1e-12)


@pytest.mark.parametrize("scale", [0.01, -3.0])
def test_scale_of_the_estimate_is_free(scale: float) -> None:
    noisy = SPEECH + NOISE
    assert value("si_sdr", scale * noisy, SPEECH, noisy) == pytest.approx(20 * np.log10(2), abs=1e-4)


def test_means_are_not_removed() -> None:
    """A constant of the speech's own power halves the ratio: 0 dB, where zero-mean variants see no error."""
    offset = SPEECH + np.sqrt(0.5)
    assert value("si_sdr", offset, SPEECH, SPEECH + NOISE) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("name", ["si_sdr", "si_sir", "si_sar"])
def test_with_means_removed_an_offset_costs_nothing(name: str) -> None:
    enhanced, clean, noisy = SPEECH + 0.3 * NOISE + 0.1 * ARTEFACT, SPEECH, SPEECH + NOISE
    metric = create(name, zero_mean=True)
    offset = metric.score((enhanced + 0.7).astype(np.float32), pair(clean - 0.2, noisy + 0.1)).value
    assert offset == pytest.approx(value(name, enhanced, clean, noisy), abs=1e-3)
    assert (metric.provenance()["means"], create(name).provenance()["means"]) == ("removed", "kept")
    assert metric.score(np.full_like(SPEECH, 0.5), pair(clean, noisy)).status == "undefined"


def test_an_option_is_true_or_false() -> None:
    with pytest.raises(UserError, match="zero_mean: true or false; got 'no'"):
        create("si_sdr", zero_mean="no")


@pytest.mark.parametrize("name", ["si_sdr", "si_sir", "si_sar", "ssnr", "lsd", "estoi"])
def test_a_click_has_no_score(name: str) -> None:
    for samples in (1, 100, 1599):
        click = SPEECH[:samples] + np.float32(0.5)
        score = create(name).score(click, pair(click, click + NOISE[:samples]))
        assert (score.status, score.reason[:12]) == ("undefined", "shorter than")


def test_a_perfect_estimate_is_finite_and_beyond_any_real_one() -> None:
    perfect = value("si_sdr", SPEECH, SPEECH, SPEECH + NOISE)
    assert perfect == pytest.approx(10 * np.log10(8000 / 1e-10), abs=1e-6)


def test_ratios_of_noise_need_noise() -> None:
    for name in ("si_sir", "si_sar"):
        score = create(name).score(SPEECH + NOISE, pair(SPEECH, SPEECH))
        assert (score.status, score.value) == ("undefined", None)
        assert "no noise" in score.reason
    assert create("si_sdr").score(SPEECH + NOISE, pair(SPEECH, SPEECH)).status == "ok"


def test_reference_values() -> None:
    signals = np.load(GOLDEN / "metrics/metrics_signals.npz")
    golden = json.loads((GOLDEN / "metrics/metrics.json").read_text())
    for i in range(4):
        clean, noisy, enhanced = (signals[f"{kind}{i}"] for kind in ("clean", "noisy", "est"))
        found = [value(name, enhanced, clean, noisy) for name in ("si_sdr", "si_sir", "si_sar")]
        assert found == pytest.approx(golden[f"triple{i}"]["storm_energy_ratios"], abs=1e-9)
        assert found[0] == pytest.approx(golden[f"triple{i}"]["si_sdr"], abs=1e-6)
    clean, noisy = signals["clean0"], signals["noisy0"]
    perfect = [value(name, clean, clean, noisy) for name in ("si_sdr", "si_sir", "si_sar")]
    assert perfect == pytest.approx(golden["degenerate"]["est_equals_clean_storm"], abs=1e-9)
