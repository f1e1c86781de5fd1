from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.core import audio
from metrics.base import create
from metrics.clip import Recording
from metrics.perceptual import dnsmos, dnsmos_windows
from tests.metrics.signals import RATE, hiss, pair, syllables

NAMES = {"dnsmos": "ovrl_mos", "dnsmos_sig": "sig_mos", "dnsmos_bak": "bak_mos", "dnsmos_p808": "p808_mos"}


@pytest.mark.parametrize("seconds", [0.3, 2.0, 11.5])
def test_the_values_are_those_of_speechmos(seconds: float) -> None:
    from speechmos import dnsmos as package

    clip = syllables(seconds)
    expected = package.run(clip, RATE)
    for name, key in NAMES.items():
        assert create(name).score(clip, pair(None, clip)).value == pytest.approx(float(expected[key]), abs=1e-5)


def test_windows_that_overlap_have_the_values_of_windows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network, frames = dnsmos._p835(), list[int]()
    convolve = network._convolve

    def run(names: None, given: dict[str, Any]) -> Any:
        frames.extend(value.shape[2] for value in given.values())
        return convolve.run(names, given)

    monkeypatch.setattr(network, "_convolve", SimpleNamespace(run=run))
    speech = hiss(syllables(12.0), 0.1, seed=7).astype(np.float32)
    starts = [0, 1, 2, 1]  # the last one does not follow the one before it
    windows = [speech[None, start * RATE : start * RATE + dnsmos_windows.SAMPLES] for start in starts]
    monkeypatch.setattr(network, "_last", None)
    in_turn = [network.run(None, {"input_1": window})[0] for window in windows]
    assert frames == [900, 8, 108, 8, 108, 900]
    for window, ratings in zip(windows, in_turn, strict=True):
        network._last = None
        np.testing.assert_allclose(ratings, network.run(None, {"input_1": window})[0], rtol=0, atol=1e-5)


def test_four_scores_of_a_clip_cost_one_pass_of_each_network(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[str]()
    for name in ("_p835", "_p808"):
        network = getattr(dnsmos, name)()

        def run(names: None, given: dict[str, Any], name: str = name, network: Any = network) -> Any:
            calls.append(name)
            return network.run(names, given)

        monkeypatch.setattr(dnsmos, name, lambda run=run: SimpleNamespace(run=run))
    clip = hiss(syllables(9.5), 0.1, seed=99)
    recording = Recording(pair(None, clip))
    for name in NAMES:
        assert create(name).score(clip, recording).status == "ok"
    assert calls == ["_p835", "_p808"]


USUAL = """
import sys
import numpy as np
from bench.core.types import Utterance
from metrics.base import create
speech = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
assert create("dnsmos").score(speech, Utterance("a", speech, 16000)).status == "ok"
print(*(heavy for heavy in ("torch", "numba", "sklearn") if heavy in sys.modules))
"""


def test_what_p808_alone_needs_is_not_imported_for_the_usual_score() -> None:
    """Librosa's filters import numba: 1.4 seconds of every process that scores."""
    done = subprocess.run([sys.executable, "-c", USUAL], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_beyond_full_scale_is_clipped() -> None:
    clip = 20 * syllables()
    assert np.abs(clip).max() > 1
    loud, clipped = (create("dnsmos").score(x.astype(np.float32), pair(None, clip)) for x in (clip, clip.clip(-1, 1)))
    assert loud.status == "ok"
    assert loud == clipped


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_constant_is_undefined(level: float) -> None:
    clip = np.full(RATE, level, dtype=np.float32)
    assert create("dnsmos").score(clip, pair(None, clip)).status == "undefined"


def test_clean_speech_scores_above_noisy(shared: Path) -> None:
    folder = shared / "realdata/vbdmd"
    name = "p232_003.wav"
    clean, noisy = (audio.read(folder / part / name)[0] for part in ("clean", "noisy"))
    for metric in NAMES:
        values = [create(metric).score(clip, pair(None, clip)).value for clip in (noisy, clean)]
        assert 1 <= values[0] < values[1] <= 5
