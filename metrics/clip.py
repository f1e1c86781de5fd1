"""What metrics look at: enhanced speech beside its recording, at the rate that a metric asks for.

Metrics of one family, such as the four opinions of DNSMOS, share what they compute: with the clip that it was
computed from, or, where only the recording counts, with the recording for every method's clip of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from bench.core.audio import resample
from bench.core.types import Audio, Tag, Utterance

T = TypeVar("T")


class Shared:
    """Answers that were computed once, or the exceptions in their place."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}
        self._errors: dict[Hashable, Exception] = {}

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
        """The answer to ``what``; raises again what ``compute`` raised."""
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
    """What a metric may look at. All signals are float32 ``[samples]`` of one length at ``sample_rate``.

    Attributes:
        enhanced: what is scored.
        noisy: what it was made from.
        sample_rate: in Hz; the metric's own, where it has one.
        clean: the clean speech, where there is one.
        estimate: in two-stage methods the predictor's estimate, which the second stage started from.
        transcript: what is said, where that is known.
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
        """The clean speech of a clip that has it, as every clip has that an intrusive metric is given."""
        assert self.clean is not None
        return self.clean

    def once(self, compute: Callable[[Clip], T]) -> T:
        """``compute(clip)``, computed once for all metrics of this clip."""
        return self._of_clip.once(compute, lambda: compute(self))

    def once_per_recording(self, compute: Callable[[Clip], T]) -> T:
        """``compute(clip)`` of what looks at the recording alone, computed once for all methods."""
        return self._of_recording.once(compute, lambda: compute(self))


class Recording(Utterance):
    """An utterance that remembers what metrics computed of it, and of what was last made from it.

    Scored with the same one, metrics share their work: ``metric.score(enhanced, recording)``.
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
        """The utterance itself, where it is one that remembers."""
        return utterance if isinstance(utterance, Recording) else Recording(utterance)

    def take(self, enhanced: Audio, estimate: Audio | None = None) -> Take:
        """What was made of the recording: the same take as long as it is the same array, unchanged."""
        last = self._last
        if last is None or last.enhanced is not enhanced or last.estimate is not estimate:
            last = Take(self, enhanced, estimate)
            object.__setattr__(self, "_last", last)
        return last

    def at(self, rate: int) -> tuple[Audio, Audio | None, Shared]:
        """The noisy and the clean speech at ``rate`` in Hz, and what metrics computed of them."""
        clean = self.clean
        return (
            self._signals.once(("noisy", rate), lambda: resample(self.noisy, self.sample_rate, rate)),
            None
            if clean is None
            else self._signals.once(("clean", rate), lambda: resample(clean, self.sample_rate, rate)),
            self._shared.setdefault(rate, Shared()),
        )


class Take:
    """What a method made of a recording, at every rate that metrics ask for.

    Args:
        estimate: the predictor's, where a two-stage method made ``enhanced``.
    """

    def __init__(self, recording: Recording, enhanced: Audio, estimate: Audio | None = None) -> None:
        self.recording, self.enhanced, self.estimate = recording, enhanced, estimate
        self._clips: dict[int, Clip] = {}

    def clip(self, rate: int) -> Clip:
        """At ``rate`` in Hz."""
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
