"""What metrics share is computed once, and resampled once."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.base import Undefined, create
from metrics.clip import Clip, Recording
from metrics.recognisers.base import Recogniser
from tests.metrics.signals import pair, syllables

CLEAN = syllables(1.0)


def test_a_rate_is_resampled_once_and_the_recording_s_for_all_methods() -> None:
    recording = Recording(pair(CLEAN, CLEAN))
    one, two = (recording.take(gain * CLEAN) for gain in (0.5, 0.7))
    assert one.clip(8000) is one.clip(8000)
    assert one.clip(8000).clean is two.clip(8000).clean
    assert one.clip(16000).enhanced is one.enhanced
    assert len(one.clip(8000).enhanced) == len(CLEAN) // 2


def test_the_same_array_is_the_same_take_and_another_is_not() -> None:
    recording, enhanced = Recording(pair(CLEAN, CLEAN)), 0.5 * CLEAN
    assert Recording.of(recording) is recording
    assert recording.take(enhanced) is recording.take(enhanced)
    assert recording.take(enhanced) is not recording.take(enhanced.copy())
    assert recording.take(enhanced).estimate is None
    assert recording.take(enhanced, CLEAN).estimate is CLEAN
    assert recording.id == "clip" and recording.clean is CLEAN


def test_an_answer_or_its_exception_is_shared() -> None:
    calls = []

    def fails(clip: Clip) -> float:
        calls.append(clip)
        raise Undefined("no such thing")

    def peak(clip: Clip) -> float:
        calls.append(clip)
        return float(np.abs(clip.enhanced).max())

    recording = Recording(pair(CLEAN, CLEAN))
    clip, other = (recording.take(gain * CLEAN).clip(16000) for gain in (1, 2))
    for _ in range(2):
        with pytest.raises(Undefined, match="no such thing"):
            clip.once(fails)
        assert clip.once(peak) == clip.once_per_recording(peak) == other.once_per_recording(peak)
    assert other.once(peak) == pytest.approx(2 * clip.once(peak))
    assert len(calls) == 1 + 1 + 1 + 1


def test_the_clean_speech_is_heard_once_for_all_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    metric = create("lps")

    def recognise(self: Recogniser, speech: np.ndarray, tags: object) -> str:
        heard.append(speech)
        return "AA B K"

    monkeypatch.setattr(type(metric.recogniser), "recognise", recognise)
    recording = Recording(pair(CLEAN, CLEAN))
    for gain in (0.5, 0.7, 0.9):
        assert metric.score(gain * CLEAN, recording).value == 1
    assert len(heard) == 1 + 3
