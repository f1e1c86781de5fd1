"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: more threads than that would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from bench.core import audio
from bench.core.signals import ENDING
from bench.core.types import Audio, Utterance

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """A background job, or one under ``nohup``, starts with signals ignored, and what it starts inherits that."""
    for number in ENDING:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference figures and real recordings beside the checkout; the test is skipped where they are absent."""
    folder = Path(os.environ.get("SEBENCH_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("reference data not present (set SEBENCH_SHARED)")
    return folder


@pytest.fixture(scope="session")
def voicebank(shared: Path) -> list[Utterance]:
    """Ten recordings of VoiceBank/DEMAND's test set, one speaker."""
    folder = shared / "realdata" / "vbdmd"
    pairs = ((path, folder / "noisy" / path.name) for path in sorted((folder / "clean").glob("*.wav")))
    return [Utterance(clean.stem, audio.read(noisy)[0], 16000, audio.read(clean)[0]) for clean, noisy in pairs]


@pytest.fixture(scope="session")
def natural_speech(voicebank: list[Utterance]) -> Audio:
    """A sentence without noise, at 16 kHz."""
    assert voicebank[0].clean is not None
    return voicebank[0].clean
