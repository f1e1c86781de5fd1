"""LLR, WSS, segmental SNRs and what Hu and Loizou make of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from bench.core import audio
from metrics.base import create
from metrics.clip import Recording
from metrics.intrusive.frames import framed
from metrics.intrusive.llr import llr
from metrics.perceptual import composite, pesq
from tests.metrics.signals import RATE, hiss, pair, syllables

WHITE = hiss(np.zeros(4 * RATE), 0.1)
PUBLISHED = {"PESQ_wb": "pesq", "CSIG": "csig", "CBAK": "cbak", "COVL": "covl", "SSNR": "ssnr"}


def value(name: str, enhanced: np.ndarray, clean: np.ndarray) -> float:
    score = create(name).score(enhanced.astype(np.float32), pair(clean.astype(np.float32), clean))
    assert score.value is not None, score
    return score.value


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 3.0])
def test_a_difference_of_the_speech_itself_has_its_ratio_in_every_frame(gain_db: float) -> None:
    enhanced = WHITE * (1 + 10 ** (gain_db / 20))
    assert value("ssnr", enhanced, WHITE) == pytest.approx(-gain_db, abs=1e-3)


def test_segmental_ratios_are_limited() -> None:
    assert value("ssnr", WHITE, WHITE) == value("fwssnr", WHITE, WHITE) == 35
    assert value("ssnr", 100 * WHITE, WHITE) == -10


def test_frequency_weighting_sees_the_shape_of_the_spectrum_alone() -> None:
    assert value("fwssnr", 0.1 * WHITE, WHITE) == pytest.approx(35, abs=1e-2)
    dull = lfilter([1, 0.9], [1], WHITE)
    assert value("fwssnr", dull, WHITE) < 20


@pytest.mark.parametrize("name", ["llr", "wss"])
def test_spectral_distances_are_zero_for_equal_spectra_at_any_level(name: str) -> None:
    speech = syllables() + hiss(syllables(), 1e-3)
    assert value(name, speech, speech) == pytest.approx(0, abs=1e-9)
    assert value(name, 0.25 * speech, speech) == pytest.approx(0, abs=1e-5)
    nasal = lfilter([1], [1, -1.75, 0.9], speech)  # a resonance at 1 kHz
    assert value(name, nasal, speech) > 0.1


@pytest.mark.parametrize("pole", [0.5, 0.9])
def test_llr_of_a_first_order_process_against_white_noise(pole: float) -> None:
    """The white predictor leaves all the energy, the true one 1 - pole^2 of it: LLR = -log(1 - pole^2).

    Estimated from 30 ms, poles come out a little too small.
    """
    coloured = lfilter([1], [1, -pole], WHITE)
    frames = [framed(signal.astype(np.float32), RATE) for signal in (coloured, WHITE)]
    assert llr(frames[0], frames[1], order=1).mean() == pytest.approx(-np.log(1 - pole**2), rel=0.05)


def test_a_muted_frame_is_taken_for_faint_noise() -> None:
    muted = np.where(np.arange(WHITE.size) < WHITE.size // 2, 0, WHITE)
    assert np.isfinite(value("llr", muted, WHITE))
    assert np.isfinite(value("wss", muted, WHITE))


def test_ratings_stay_on_their_scale_and_fall_with_noise() -> None:
    clean = syllables(4.0)
    for name in ("csig", "cbak", "covl"):
        best, noisy, worst = (value(name, clean + hiss(clean, level), clean) for level in (0, 0.01, 3))
        assert 5 == best > noisy > worst >= 1


def test_three_ratings_of_a_clip_cost_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(composite, "wss", lambda *args: calls.append("wss") or np.ones(10))
    monkeypatch.setattr(pesq, "_isolated", lambda *args: calls.append("pesq") or 2.0)
    clean = syllables(3.0)
    recording, enhanced = Recording(pair(clean, clean)), clean + hiss(clean, 0.02)
    for name in ("csig", "cbak", "covl", "pesq"):
        assert create(name).score(enhanced, recording).status == "ok"
    assert sorted(calls) == ["pesq", "wss"]


@pytest.mark.slow
def test_published_scores_of_real_recordings(shared: Path) -> None:
    """To the printed digits: six after the point."""
    folder = shared / "realdata/vbdmd"
    with (folder / "scores.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["kind"] == "published" and row["metric"] in PUBLISHED]
    assert len(rows) == 50
    for row in rows:
        clean, noisy = (audio.read(folder / part / f"{row['utterance']}.wav")[0] for part in ("clean", "noisy"))
        found = create(PUBLISHED[row["metric"]]).score(noisy, pair(clean, noisy)).value
        assert found == pytest.approx(float(row["value"]), abs=5.1e-7), row
