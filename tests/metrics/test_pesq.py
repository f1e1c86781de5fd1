from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from bench.core import audio
from metrics.base import create
from metrics.perceptual import pesq
from metrics.perceptual.pesq import utterances
from tests.metrics.signals import RATE, hiss, pair, syllables
from tests.reference.take import GOLDEN


@pytest.mark.parametrize(("name", "top"), [("pesq", 4.644), ("pesq_nb", 4.549)])
def test_the_reference_itself_scores_the_top_of_the_scale(name: str, top: float) -> None:
    """P.862.2 and P.862.1 map the raw 4.5 to these."""
    clean = syllables()
    assert create(name).score(clean, pair(clean, clean)).value == pytest.approx(top, abs=1e-3)


def test_more_noise_scores_lower() -> None:
    clean = syllables()
    scores = [create("pesq").score(clean + hiss(clean, s), pair(clean, clean)).value for s in (0.001, 0.01, 0.05)]
    assert scores == sorted(scores, key=lambda v: -v)
    assert scores[0] > scores[2] + 0.5


def test_a_gain_changes_nothing() -> None:
    """P.862 aligns levels."""
    clean = syllables()
    noisy = clean + hiss(clean, 0.01)
    plain, louder = (create("pesq").score(gain * noisy, pair(clean, noisy)).value for gain in (1, 4))
    assert plain == pytest.approx(louder, abs=1e-3)


def test_a_48_khz_recording_is_scored_at_16_khz() -> None:
    clean = syllables(rate=RATE)
    noisy = clean + hiss(clean, 0.01)
    up_clean, up_noisy = (audio.resample(x, RATE, 3 * RATE) for x in (clean, noisy))
    high = create("pesq").score(up_noisy, pair(up_clean, up_noisy, 3 * RATE)).value
    assert high == pytest.approx(create("pesq").score(noisy, pair(clean, noisy)).value, abs=0.02)


def test_a_quarter_of_a_second_is_the_shortest() -> None:
    clean = syllables(0.5)
    just, short = clean[:4000], clean[:3999]
    assert create("pesq").score(just, pair(just, just)).status == "ok"
    score = create("pesq").score(short, pair(short, short))
    assert (score.status, score.reason) == ("undefined", "shorter than 0.25 s")


def test_a_reference_without_an_utterance_is_undefined() -> None:
    click = np.zeros(RATE, dtype=np.float32)
    click[100] = 1e-30
    score = create("pesq").score(hiss(click, 0.1), pair(click, click))
    assert (score.status, score.reason) == ("undefined", "no utterance detected in the clean reference")


def test_two_minutes_are_scored() -> None:
    clean = syllables(120.0)
    score = create("pesq").score(clean + hiss(clean, 0.01), pair(clean, clean))
    assert score.status == "ok"


def bursts(count: int, seconds: float = 0.25, pause: float = 0.35) -> np.ndarray:
    """``count`` utterances of noise, as the standard's voice activity detection sees them."""
    burst = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))
    return np.tile(np.r_[burst, np.zeros(round(pause * RATE))], count).astype(np.float32)


@pytest.mark.parametrize(("count", "status"), [(50, "ok"), (51, "undefined"), (60, "undefined"), (300, "undefined")])
def test_more_utterances_than_the_code_holds_are_undefined(count: int, status: str) -> None:
    """Above 50 it overwrites its own tables, from about 60 on it crashes."""
    clean = bursts(count)
    score = create("pesq").score(clean + hiss(clean, 0.01), pair(clean, clean))
    assert score.status == status
    assert status == "ok" or score.reason.startswith(f"{count} utterances")


def test_short_bursts_and_short_pauses_are_no_utterances() -> None:
    assert utterances(bursts(9, seconds=0.012), RATE) == 0
    assert utterances(bursts(9, pause=0.1), RATE) == 1
    assert utterances(np.zeros(RATE, dtype=np.float32), RATE) == 0


def test_a_crash_of_the_code_costs_one_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pesq, "MOST_UTTERANCES", 1000)
    clean, fine = bursts(70), syllables()
    score = create("pesq").score(clean, pair(clean, clean))
    assert score.status == "error"
    assert score.reason.startswith("PESQ's code crashed (SIG")
    assert create("pesq").score(fine, pair(fine, fine)).status == "ok"


def test_reference_values() -> None:
    signals = np.load(GOLDEN / "metrics/metrics_signals.npz")
    golden = json.loads((GOLDEN / "metrics/metrics.json").read_text())
    for i in range(4):
        utterance = pair(signals[f"clean{i}"], signals[f"noisy{i}"])
        for name, key in (("pesq", "pesq_wb"), ("pesq_nb", "pesq_nb")):
            found = create(name).score(signals[f"est{i}"], utterance).value
            assert found == pytest.approx(golden[f"triple{i}"][key], abs=1e-6)


@pytest.mark.parametrize("kind", ["published", "measured here"])
def test_published_scores_of_real_recordings(shared: Path, kind: str) -> None:
    folder = shared / "realdata/vbdmd"
    metrics = {"PESQ_wb": "pesq", "SISDR": "si_sdr", "STOI": "stoi"}
    if kind == "published":  # the published STOI comes from another implementation
        del metrics["STOI"]
    with (folder / "scores.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["kind"] == kind and row["metric"] in metrics]
    assert len(rows) >= 10
    for row in rows:
        signals = [audio.read(folder / part / f"{row['utterance']}.wav")[0] for part in ("clean", row["signal"])]
        length = min(map(len, signals))
        clean, degraded = (signal[:length] for signal in signals)
        found = create(metrics[row["metric"]]).score(degraded, pair(clean, degraded)).value
        last_digit = 10.0 ** -len(row["value"].partition(".")[2])
        assert found == pytest.approx(float(row["value"]), abs=0.51 * last_digit), row
