"""The input of metrics: enhanced speech with its recording, at the rate that a metric needs.

Metrics of one family, such as the four ratings of DNSMOS, share intermediate results. These are stored with the clip,
or, if they depend only on the recording, with the recording for all methods.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from bench.core.audio import resample
from bench.core.types import Audio, Tag, Utterance

T = TypeVar("T")


class Shared:
    """Results that are computed once, or the exceptions instead of them."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}
        self._errors: dict[Hashable, Exception] = {}

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
        """The result for ``what``; raises again what ``compute`` raised."""
        if what in self._errors:
            raise self._errors[what]
        if what not in self._answers:
            try:
                self._answers[what] = compute()
            except Exception as error:
                self._errors[what] = error
                raise
        answer: T = self._answers[what]
        return answer


@dataclass(frozen=True, eq=False)
class Clip:
    """The input of a metric. All signals are float32 ``[samples]`` of one length at ``sample_rate``.

    Attributes:
        enhanced: the signal to score.
        noisy: the recording it was made from.
        sample_rate: in Hz; the metric's own, if it has one.
        clean: the clean reference, if there is one.
        estimate: the first estimate of a two-stage method.
        transcript: what is said, if known.
        tags: the recording's (SNR, noise type, speaker, ...).
    """

    enhanced: Audio
    noisy: Audio
    sample_rate: int
    clean: Audio | None = None
    estimate: Audio | None = None
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    _of_clip: Shared = field(default_factory=Shared)
    _of_recording: Shared = field(default_factory=Shared)

    @property
    def reference(self) -> Audio:
        """The clean speech; every clip that an intrusive metric gets has it."""
        assert self.clean is not None
        return self.clean

    def once(self, compute: Callable[[Clip], T]) -> T:
        """``compute(clip)``, computed once for all metrics of this clip."""
        return self._of_clip.once(compute, lambda: compute(self))

    def once_per_recording(self, compute: Callable[[Clip], T]) -> T:
        """``compute(clip)``, computed once for all methods; it must depend only on the recording."""
        return self._of_recording.once(compute, lambda: compute(self))


class Recording(Utterance):
    """An utterance with the metrics' shared results for it and for its last enhanced version.

    Metrics that are given the same object share their work: ``metric.score(enhanced, recording)``.
    """

    _signals: Shared
    _shared: dict[int, Shared]
    _last: Take | None

    def __init__(self, utterance: Utterance) -> None:
        super().__init__(**{part.name: getattr(utterance, part.name) for part in fields(Utterance)})
        for name, value in (("_signals", Shared()), ("_shared", {}), ("_last", None)):
            object.__setattr__(self, name, value)  # an utterance is frozen

    @staticmethod
    def of(utterance: Utterance) -> Recording:
        """``utterance`` as a ``Recording``; itself if it is one already."""
        return utterance if isinstance(utterance, Recording) else Recording(utterance)

    def take(self, enhanced: Audio, estimate: Audio | None = None) -> Take:
        """The enhanced version of the recording: the same object for the same, unchanged array."""
        last = self._last
        if last is None or last.enhanced is not enhanced or last.estimate is not estimate:
            last = Take(self, enhanced, estimate)
            object.__setattr__(self, "_last", last)
        return last

    @property
    def problem(self) -> str:
        """Why nothing can be compared with these signals; empty if it can."""
        return self._signals.once("problem", lambda: _first_problem(self, noisy=self.noisy, clean=self.clean))

    def at(self, rate: int) -> tuple[Audio, Audio | None, Shared]:
        """The noisy and the clean speech at ``rate`` in Hz, and the shared results for them."""
        clean = self.clean
        return (
            self._signals.once(("noisy", rate), lambda: resample(self.noisy, self.sample_rate, rate)),
            None
            if clean is None
            else self._signals.once(("clean", rate), lambda: resample(clean, self.sample_rate, rate)),
            self._shared.setdefault(rate, Shared()),
        )


class Take:
    """A method's output for a recording, at every rate that metrics need.

    Args:
        estimate: the first estimate, if ``enhanced`` is from a two-stage method.
    """

    def __init__(self, recording: Recording, enhanced: Audio, estimate: Audio | None = None) -> None:
        self.recording, self.enhanced, self.estimate = recording, enhanced, estimate
        self._clips: dict[int, Clip] = {}

    @cached_property
    def problem(self) -> str:
        """Why these signals cannot be compared; empty if they can."""
        recording = self.recording
        return (
            _first_problem(recording, enhanced=self.enhanced)
            or recording.problem
            or _first_problem(recording, estimate=self.estimate)
        )

    def clip(self, rate: int) -> Clip:
        """The clip at ``rate`` in Hz."""
        if rate not in self._clips:
            noisy, clean, shared = self.recording.at(rate)
            given = self.recording.sample_rate
            self._clips[rate] = Clip(
                enhanced=resample(self.enhanced, given, rate),
                noisy=noisy,
                sample_rate=rate,
                clean=clean,
                estimate=None if self.estimate is None else resample(self.estimate, given, rate),
                transcript=self.recording.transcript,
                tags=self.recording.tags,
                _of_recording=shared,
            )
        return self._clips[rate]


def _first_problem(recording: Recording, **signals: Audio | None) -> str:
    """Why the first of ``signals`` that has one is not to be compared with the recording."""
    for name, signal in signals.items():
        if signal is None:
            continue
        if signal.ndim != 1 or signal.size == 0:
            return f"{name} must be samples of one channel, got shape {list(signal.shape)}"
        if len(signal) != len(recording.noisy):
            return f"{name} has {len(signal)} samples, noisy {len(recording.noisy)}"
        if not np.isfinite(signal).all():
            return f"{name} holds NaN or infinity"
    return ""
