"""Check that a method, ours or another package's, conforms to the interface in ``methods.base``.

Errors that ``Method.enhance`` corrects, such as an output of another length, are looked for in the output of
``enhance_one``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from bench.core.audio import resample
from bench.core.types import Audio, Utterance
from methods.base import Enhanced, Method
from methods.counting import count_all_calls

ROUNDING = 1e-4
"""Of the peak: by so much a clip may differ that shares network calls with others."""


@dataclass(frozen=True)
class Verdict:
    """One rule of the interface: whether the method satisfies it, and what was observed."""

    rule: str
    kept: bool
    observed: str


class Broken(Exception):
    """A rule is violated; the message says how."""


@dataclass(frozen=True)
class Trial:
    """A method and what to run it on.

    Attributes:
        steps: reverse steps N; passed on if the method has steps.
    """

    method: Method
    clips: Sequence[Utterance]
    steps: int

    def enhance(self, clip: Utterance, seed: int = 0, steps: int | None = None) -> Enhanced:
        """Enhance one clip as a run does."""
        wanted = (steps or self.steps) if self.method.uses_steps else None
        return self.method.enhance(clip.noisy, clip.sample_rate, wanted, seed, utterance_id=clip.id)

    def bare(self, clip: Utterance) -> tuple[Audio, Enhanced]:
        """A clip at the method's own rate, and the output of ``enhance_one``."""
        rate = self.method.sample_rate or clip.sample_rate
        given = resample(clip.noisy, clip.sample_rate, rate)
        steps = self.steps if self.method.uses_steps else None
        return given, self.method.enhance_one(given, rate, steps, torch.Generator().manual_seed(0), clip.id)

    @cached_property
    def singles(self) -> list[Enhanced]:
        """Enhance every clip alone, with its own seed."""
        return [self.enhance(clip, seed) for seed, clip in enumerate(self.clips)]


def examine(method: Method, clips: Sequence[Utterance], steps: int = 2) -> Iterator[Verdict]:
    """Check one rule after the other; any exception from the method violates the rule being checked."""
    trial = Trial(method, clips, steps)
    return (_find(trial, rule, check) for rule, check in RULES.items())


def generated(method: Method) -> list[Utterance]:
    """Noise of several lengths, including one sample, and silence, at rates that the method should accept."""
    rates = [method.sample_rate] if method.sample_rate else [8000, 16000, 44100]
    random = np.random.default_rng(0)
    clips = []
    for rate in rates:
        for samples in (1, rate // 4, rate * 3 // 8 + 1):
            noise = random.normal(0, 0.1, samples).astype(np.float32)
            clips.append(Utterance(f"{samples} samples at {rate} Hz", noise, rate))
    return [*clips, Utterance("silence", np.zeros(rates[0] // 4, np.float32), rates[0])]


def _find(trial: Trial, rule: str, check: Callable[[Trial], str]) -> Verdict:
    try:
        return Verdict(rule, True, check(trial))
    except Broken as broken:
        return Verdict(rule, False, str(broken))
    except Exception as error:  # external code may raise anything
        return Verdict(rule, False, f"raises {type(error).__name__}: {error}")


def _same_length(trial: Trial) -> str:
    for clip in trial.clips:
        given, made = trial.bare(clip)
        if trial.method.two_stages and made.estimate is None:
            raise Broken(f"{clip.id}: gives no estimate of its first stage, but it declares two stages")
        longer = max(0, int(made.adjusted.get("samples", 0)))  # told, and cut by ``enhance``
        _check_shape(f"{clip.id}: gives", made.audio[: made.audio.size - longer] if longer else made.audio, given)
        if made.estimate is not None:
            _check_shape(f"{clip.id}: its first stage's estimate is", made.estimate, given)
    return f"float32, {_range(trial.clips)} samples"


def _check_shape(what: str, audio: Any, given: Audio) -> None:
    if not isinstance(audio, np.ndarray) or audio.dtype != np.float32:
        raise Broken(f"{what} {getattr(audio, 'dtype', type(audio).__name__)}, not a float32 array")
    if audio.shape != given.shape:
        raise Broken(f"{what} shape {list(audio.shape)} for {list(given.shape)}")


def _finite(trial: Trial) -> str:
    for clip, single in zip(trial.clips, trial.singles, strict=True):
        if not np.isfinite(single.audio).all():
            raise Broken(f"{clip.id}: gives NaN or infinity")
    return f"largest magnitude {max(float(np.abs(single.audio).max()) for single in trial.singles):.3g}"


def _deterministic(trial: Trial) -> str:
    seed, clip = max(enumerate(trial.clips), key=lambda pair: pair[1].noisy.size)
    first, again, other = trial.singles[seed], trial.enhance(clip, seed), trial.enhance(clip, seed + 1)
    if not np.array_equal(first.audio, again.audio):
        raise Broken(f"{clip.id}: the same seed gives two outputs; noise must come from the generator alone")
    same = np.array_equal(first.audio, other.audio)
    if trial.method.stochastic and same:
        raise Broken(f"{clip.id}: two seeds give the same output, but it declares itself stochastic")
    if not trial.method.stochastic and not same:
        raise Broken(f"{clip.id}: two seeds give two outputs, but it does not declare itself stochastic")
    return "the same seed, the same output; " + ("another seed, another" if not same else "it draws no noise")


def _batch_equals_single(trial: Trial) -> str:
    rates = sorted({clip.sample_rate for clip in trial.clips})
    for rate in rates:
        for order in (1, -1):
            seeds = [seed for seed, clip in enumerate(trial.clips) if clip.sample_rate == rate][::order]
            batch = trial.method.enhance_batch(
                [trial.clips[seed].noisy for seed in seeds],
                rate,
                trial.steps if trial.method.uses_steps else None,
                seeds,
                utterance_ids=[trial.clips[seed].id for seed in seeds],
            )
            for seed, together in zip(seeds, batch, strict=True):
                if not np.array_equal(trial.singles[seed].audio, together.audio):
                    raise Broken(f"{trial.clips[seed].id}: comes out differently in a batch")
    return f"{len(trial.clips)} clips, in both orders" + _rounding_in_batches(trial, rates)


def _rounding_in_batches(trial: Trial, rates: Sequence[int]) -> str:
    """By how much clips differ that go through the networks together, where the method does that."""
    if not trial.method.batches:
        return ""
    largest = 0.0
    for rate in rates:
        seeds = [seed for seed, clip in enumerate(trial.clips) if clip.sample_rate == rate]
        batch = trial.method.enhance_batch(
            [trial.clips[seed].noisy for seed in seeds],
            rate,
            trial.steps if trial.method.uses_steps else None,
            seeds,
            utterance_ids=[trial.clips[seed].id for seed in seeds],
            batch=len(seeds),
        )
        for seed, together in zip(seeds, batch, strict=True):
            alone = trial.singles[seed].audio
            apart = float(np.abs(alone - together.audio).max()) / (float(np.abs(alone).max()) or 1.0)
            if not apart <= ROUNDING:
                raise Broken(
                    f"{trial.clips[seed].id}: differs by {apart:.1g} of its peak when clips share network calls"
                )
            largest = max(largest, apart)
    return f"; sharing network calls, within {largest:.1g} of the peak"


def _calls_are_counted(trial: Trial) -> str:
    clip = max(trial.clips, key=lambda clip: clip.noisy.size)
    counts = []
    for steps in (trial.steps, 2 * trial.steps) if trial.method.uses_steps else (trial.steps,):
        with count_all_calls() as calls:
            nfe: Any = trial.enhance(clip, 0, steps).nfe
        if not isinstance(nfe, int) or nfe < 0:
            raise Broken(f"nfe is {nfe!r}, not a number of calls")
        if calls.total and not nfe:
            raise Broken(f"nfe is 0, but modules with weights were called {calls.total} times")
        counts.append((steps, nfe, calls.total))
    if len(counts) == 2 and counts[0][1] and counts[1][1] <= counts[0][1]:
        raise Broken(f"nfe is {counts[0][1]} for N = {counts[0][0]} and {counts[1][1]} for N = {counts[1][0]}")
    counted = [f"{nfe} for N = {steps}" if trial.method.uses_steps else str(nfe) for steps, nfe, _ in counts]
    calls_seen = ", ".join(str(total) for *_, total in counts)
    return f"nfe {', '.join(counted)}; calls of modules with weights: {calls_seen}"


RULES: dict[str, Callable[[Trial], str]] = {
    "same length": _same_length,
    "finite": _finite,
    "deterministic under its seed": _deterministic,
    "batch equals single": _batch_equals_single,
    "network calls counted": _calls_are_counted,
}


def _range(clips: Sequence[Utterance]) -> str:
    sizes = [clip.noisy.size for clip in clips]
    return f"{min(sizes)} to {max(sizes)}"
