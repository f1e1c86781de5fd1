"""A small run with names, transcripts and tags as an attacker would choose them, and tones to listen to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.core.types import Score
from results.report.page import About, Written, write
from results.report.sounds import CLEAN, NOISY, Recording, Track
from results.statistics.analysis import Options, analyse
from results.store.info import MetricInfo
from results.store.rows import Row
from results.views.summary import Look, Views, look_at
from tests.listening_test.browser import CHROMIUM, DRIVER, chromium
from tests.results.conftest import make_row

HOSTILE = """</script><img src=x onerror="alert('1')">{{ 7 * 7 }} & 'q'"""
METRICS = {
    "pesq": MetricInfo("PESQ", "MOS", low=1.0, high=4.64, aspect="quality"),
    "dnsmos": MetricInfo("DNSMOS", "MOS", aspect="quality", intrusive=False, name="dnsmos"),
    "wer": MetricInfo("WER", "%", higher_is_better=False, aspect="content", intrusive=False, name="wer"),
}
SYSTEMS: Sequence[tuple[str, str, int | None, int]] = (
    ("noisy", "control", None, 0),
    (f"theirs {HOSTILE}", "classical", None, 2),
    ("ncsnpp_m", "predictive", None, 1),
    ("storm", "regeneration", 3, 4),
    ("storm", "regeneration", 10, 11),
)
"""In the order in which a panel lists them (by paradigm, method and steps): a place here is a system's number."""
RATE = 16000


def rows(clips: int = 8) -> list[Row]:
    random = np.random.default_rng(1)
    made = []
    for clip in range(clips):
        for number, (method, paradigm, steps, nfe) in enumerate(SYSTEMS):
            wrong = min(4, number // 2 + clip % 2)
            scores: dict[str, Any] = {
                "pesq": float(np.clip(1.5 + 0.3 * number + 0.2 * random.normal(), 1, 4.6)),
                "dnsmos": 2 + 0.2 * number,
                "wer": Score.rate(wrong, 5, recognised=f"heard {HOSTILE}"),
            }
            if clip == 2 and method == "ncsnpp_m":
                scores["pesq"] = Score.missing("error", f"broke {HOSTILE}")
            tags = {"snr": 5 * (clip % 3), "noise": f"babble {HOSTILE}" if clip % 2 else "fan"}
            made.append(
                make_row(
                    f"clip{clip} {HOSTILE}" if clip == 1 else f"clip{clip}",
                    **{"method": method, "paradigm": paradigm, "steps": steps, "nfe": nfe, "tags": tags},
                    **{
                        "seconds": 1.0,
                        "enhance_seconds": 0.1 * (nfe + 1),
                        "cost": {"macs_per_second": 1e9 * (nfe + 1), "rtf": 0.1 * (nfe + 1)},
                    },
                    **scores,
                )
            )
    return made


def tones(dataset: str, utterance: str) -> Recording:
    """Half a second of another tone for every system; that of the classical one was not kept."""
    time = np.arange(RATE // 2) / RATE

    def tone(hertz: float) -> Any:
        return (0.1 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)

    tracks = [Track("clean", CLEAN, tone(200)), Track("noisy", NOISY, tone(300))]
    tracks += [Track(system[0], at, tone(400 + 100 * at)) for at, system in enumerate(SYSTEMS) if at > 1]
    return Recording(RATE, [*tracks, Track(SYSTEMS[1][0], 1, None, f"not kept {HOSTILE}")], f"said {HOSTILE}")


MANIFEST = {
    "datasets": {"demo": {"name": "demo", "options": {}, "fingerprint": HOSTILE}},
    "methods": {"storm": {"name": "storm", "options": {"label": HOSTILE}, "provenance": {"weights_sha256": "abc"}}},
    "metrics": {"pesq": {"name": "pesq", "version": f"pesq 0.0.4; {HOSTILE}", "shown": {}}},
    "sessions": [{"started": "2026-11-01T00:00:00+00:00", "versions": {"torch": "2.6"}}],
}
ABOUT = About(f"Run {HOSTILE}", {"demo": MANIFEST}, [f"note {HOSTILE}"], "0.0")


def looks(of: Sequence[Row]) -> list[Look]:
    views = Views(options=Options(resamples=1000))
    return [look_at(analysis, views) for analysis in analyse(of, METRICS, views.options)]


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The page in one file."""
    return write(looks(rows()), ABOUT, tones, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests of the session; skipped without one."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("Chromium and chromedriver are not installed: there is no browser to test in")
    with chromium("--autoplay-policy=no-user-gesture-required") as driver:
        yield driver


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source, where AXE_CORE names the file axe.min.js (npm pack axe-core)."""
    named = os.environ.get("AXE_CORE")
    if not named:
        pytest.skip("AXE_CORE is not set: it names axe.min.js, from npm pack axe-core")
    return Path(named).read_text(encoding="utf-8")
