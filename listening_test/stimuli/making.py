"""Make the stimuli: all conditions of a clip, cut to the same part and set to the same loudness."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Utterance
from listening_test.design.conditions import ANCHORS, Condition, row_key
from listening_test.design.mapping import Stimulus
from listening_test.design.select import Candidate
from listening_test.stimuli import signals
from results.store.folder import Store
from results.store.rows import Key


@dataclass(frozen=True, eq=False)
class Made:
    """A stimulus with its samples, and its loudness in LUFS before any gain."""

    stimulus: Stimulus
    samples: Audio
    loudness: float


@dataclass(frozen=True)
class Cut:
    """The part of a recording that is presented."""

    sample_rate: int
    start: int
    samples: int


def make(
    name: str,
    clip: Candidate,
    conditions: Iterable[Condition],
    store: Store,
    load: Callable[[Candidate], Utterance],
    origin: Key,
    longest: float,
    fade: float,
) -> tuple[Cut, list[Made]]:
    """All conditions of one clip, cut and faded identically, before the gain.

    Args:
        name: the clip's name in the stimuli.
        load: reads the recording.
        origin: a row of the recording, for stimuli made from it.
        longest, fade: in seconds.

    Raises:
        UserError: there is no clean recording, stored audio is missing or does not fit, or a signal is silent.
    """
    utterance = load(clip)
    rate, clean = utterance.sample_rate, utterance.clean
    if clean is None:
        raise UserError(f"{clip.name}: has no clean recording, which a listening test needs as its reference")
    heard = signals.cut(clean, rate, longest)
    made = []
    for condition in conditions:
        if condition.role == "system":
            row = row_key(condition, clip.dataset, clip.utterance)
            source, words = stored_audio(store, row, utterance), "the row's enhanced speech"
        else:
            row = origin
            source, words = _from_recording(condition, clean, utterance.noisy, rate)
        samples = signals.fade(source[heard], rate, fade)
        stimulus = Stimulus(name, condition.label, row, words, _digest(source), gain_db=0.0)
        made.append(Made(stimulus, samples, _loudness(samples, rate, f"{clip.name}, {condition.label}")))
    return Cut(rate, heard.start, heard.stop - heard.start), made


def level(made: Sequence[Made], target: float) -> tuple[float, list[Made]]:
    """The common loudness in LUFS and the stimuli at it: ``target``, or less if a peak would be too high."""
    reached = min([target, *(signals.highest_loudness(one.samples, one.loudness) for one in made)])
    return reached, [_turned(one, reached - one.loudness) for one in made]


def stored_audio(store: Store, key: Key, utterance: Utterance) -> Audio:
    """The enhanced speech of a row.

    Raises:
        UserError: it was not stored, or differs in length from the recording.
    """
    path = store.audio_path(key)
    if not path.is_file():
        raise UserError(
            f"{path}: the run kept no audio of this row; run it again with keep_audio=all rescore=true "
            "and its other keys, which enhances what is missing"
        )
    samples, rate = audio.read(path)
    if rate != utterance.sample_rate or samples.size != utterance.noisy.size:
        raise UserError(
            f"{path}: {samples.size} samples at {rate} Hz, but the recording has {utterance.noisy.size} "
            f"at {utterance.sample_rate} Hz"
        )
    return samples


def _from_recording(condition: Condition, clean: Audio, noisy: Audio, rate: int) -> tuple[Audio, str]:
    made: Mapping[str, Callable[[], Audio]] = {
        "lowpass_3500": lambda: signals.low_pass(clean, rate, 3500),
        "lowpass_7000": lambda: signals.low_pass(clean, rate, 7000),
        "mixture": lambda: noisy,
        "mixture_10db": lambda: signals.less_noisy(clean, noisy, 10.0),
    }
    if condition.role == "reference":
        return clean, "the clean recording"
    return made[condition.label](), ANCHORS[condition.label]


def _loudness(samples: Audio, rate: int, name: str) -> float:
    try:
        measured = signals.loudness(samples, rate)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    if not math.isfinite(measured):
        raise UserError(f"{name}: silent; choose another clip (clips=[...]), or leave the condition out")
    return measured


def _turned(made: Made, decibels: float) -> Made:
    samples = np.asarray(made.samples * 10 ** (decibels / 20), dtype=np.float32)
    return Made(replace(made.stimulus, gain_db=round(decibels, 4)), samples, made.loudness + decibels)


def _digest(samples: Audio) -> str:
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<f4").tobytes()).hexdigest()
