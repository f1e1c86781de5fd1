"""A metric knows the band that it needs and what it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from bench.core.types import Utterance
from metrics.base import create
from tests.metrics.signals import hiss, pair, syllables

TELEPHONE = 8000
CLEAN = syllables(2.0, rate=TELEPHONE)
NOISY = CLEAN + hiss(CLEAN, 0.02)


@pytest.mark.parametrize("name", ["pesq", "csig", "cbak", "covl"])
@pytest.mark.parametrize("rate", [8000, 11025, 12000])
def test_wide_band_pesq_and_what_is_made_of_it_is_undefined_below_wide_band(name: str, rate: int) -> None:
    """ITU-T P.862.2 listens from 50 to 7000 Hz."""
    clean, noisy = (audio.resample(signal, TELEPHONE, rate) for signal in (CLEAN, NOISY))
    score = create(name).score(noisy, pair(clean, noisy, rate))
    assert score.status == "undefined"
    assert score.reason == f"needs speech up to 7000 Hz, and at {rate} Hz there is none above {rate / 2:g} Hz"


@pytest.mark.parametrize("rate", [14000, 16000, 48000])
def test_wide_band_pesq_is_defined_from_14_khz_up(rate: int) -> None:
    clean, noisy = (audio.resample(signal, TELEPHONE, rate) for signal in (CLEAN, NOISY))
    assert create("pesq").score(noisy, pair(clean, noisy, rate)).status == "ok"


def test_narrow_band_pesq_of_telephone_speech_is_computed_as_recorded() -> None:
    from pesq import pesq

    score = create("pesq_nb").score(NOISY, pair(CLEAN, NOISY, TELEPHONE))
    assert score.value == pytest.approx(pesq(TELEPHONE, CLEAN, NOISY, "nb"), abs=1e-6)
    assert "at 8000 Hz" in create("pesq_nb").provenance()["rate"]


def test_telephone_speech_in_a_wider_file_is_no_wider(shared: Path) -> None:
    """ITU-T P.862 of two recordings at their own rate of 8 kHz, by package pesq 0.0.4."""
    folder = shared / "cases/telephone_8khz_pesq/data"
    for name, value in (("p232_052", 1.6277), ("p232_170", 1.9855)):
        clean, noisy = (audio.read(folder / part / f"{name}.flac")[0] for part in ("clean", "noisy"))
        utterance = Utterance(name, noisy, TELEPHONE, clean)
        assert create("pesq_nb").score(noisy, utterance).value == pytest.approx(value, abs=5e-5)
        assert create("pesq").score(noisy, utterance).status == "undefined"


@pytest.mark.parametrize("name", ["llr", "wss", "ssnr", "fwssnr", "lsd"])
def test_distances_of_telephone_speech_are_not_diluted_by_an_empty_upper_band(name: str) -> None:
    """They are computed at 8 kHz: about what they are over the lower band of a wide recording."""
    value = create(name).score(NOISY, pair(CLEAN, NOISY, TELEPHONE)).value
    wide = [audio.resample(signal, TELEPHONE, 16000) for signal in (CLEAN, NOISY)]
    upsampled = create(name).score(wide[1], pair(wide[0], wide[1])).value
    assert value is not None and upsampled is not None
    if name == "lsd":
        assert value == pytest.approx(np.sqrt(2) * upsampled, rel=0.1)
    elif name in ("ssnr", "wss"):
        assert value == pytest.approx(upsampled, rel=0.1)


def test_what_clipping_would_destroy_is_undefined_where_full_scale_counts() -> None:
    clean = syllables(2.0)
    for name in ("dnsmos", "dnsmos_p808", "wer", "lps"):
        utterance = Utterance("clip", clean, 16000, clean, transcript="one two")
        score = create(name).score((32768 * clean).astype(np.float32), utterance)
        assert (score.status, "is it stored as integers?" in score.reason) == ("undefined", True)
        assert create(name).score((2 * clean).astype(np.float32), utterance).status == "ok"
    for name in ("pesq", "si_sdr", "stoi"):  # they take any level
        noisy = clean + hiss(clean, 0.02)
        plain, scaled = (create(name).score(gain * noisy, pair(clean, noisy)).value for gain in (1, 32768))
        assert plain == pytest.approx(scaled, rel=1e-3)
