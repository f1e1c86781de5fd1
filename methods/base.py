"""The interface of enhancement methods, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch

from bench.core.audio import resample
from bench.core.errors import UserError
from bench.core.registry import Registry
from bench.core.threads import threads_kept
from bench.core.types import Audio, Tag, Utterance
from methods import names
from methods.alignment import Alignment
from methods.fitting import fitted

__all__ = ["METHODS", "Enhanced", "Method", "Seed", "create"]

Seed = torch.Generator | int | None


@dataclass(frozen=True)
class Enhanced:
    """The result of ``enhance`` for one recording.

    Attributes:
        audio: float32 ``[samples]``, with the recording's length and rate.
        nfe: network function evaluations, counted where the networks are called.
        model_rate: the method's rate in Hz, if it resampled the recording.
        estimate: the first estimate of a two-stage method; as ``audio``.
        adjusted: changes to the output so that it fits the recording: {"samples": -304}, {"resampled_from": 48000},
            {"delay": 480.4} and the like.
        seconds: the wall-clock time that it took when it was made, where that was not now; None: now.
        computing: how the method computed it, where not in float32 and call by call: {"precision": "bfloat16"}.
    """

    audio: Audio
    nfe: int = 0
    model_rate: int | None = None
    estimate: Audio | None = None
    adjusted: Mapping[str, Tag] = field(default_factory=dict)
    computing: Mapping[str, Tag] = field(default_factory=dict)
    seconds: float | None = None


class Method(ABC):
    """An enhancement system.

    A method declares its properties in class attributes and implements ``enhance_one``. ``enhance`` does what all
    methods share: checks, resampling, and making a clip's output depend only on the clip and its seed.

    Attributes:
        uses_steps: whether it depends on the number of reverse steps N.
        stochastic: whether its output depends on the generator.
        two_stages: whether it also returns a first estimate.
        needs_id: whether ``enhance`` needs the utterance's id.
        needs_clean: whether ``enhance`` takes the keyword ``clean``, the reference (``methods.known.oracles``).
        paradigm: "control", "oracle", "classical", "external", "predictive", "generative", "refinement",
            "regeneration".
        batches: whether ``enhance_together`` takes clips through the networks together, each with its own noise and
            as if it were alone, rounding aside.
        in_pieces: whether long recordings may be enhanced in pieces, because its memory grows with their length.
        cost_is_measured: whether it may be run on excerpts again and again before a run, to measure what it costs.
        elsewhere: whether another process does the work, of which neither networks nor memory can be seen from here.
        ahead: so many recordings are given to ``enhance_batch`` before a run, which keeps what comes out for
            ``enhance`` to find; 0: none, each is enhanced in its turn.
        sample_rate: its sampling rate in Hz, or None for any.
        fits_length: whether it fits its output to the recording's length itself (``methods.fitting``).
        alignment: the delay, polarity and length of its output, which ``enhance`` mends; as the options ``delay``,
            ``invert`` and ``align`` say, which every method takes in a run.
    """

    uses_steps: bool = False
    stochastic: bool = False
    batches: bool = False
    in_pieces: ClassVar[bool] = False
    cost_is_measured: bool = True
    elsewhere: ClassVar[bool] = False
    ahead: int = 0
    needs_id: ClassVar[bool] = False
    needs_clean: ClassVar[bool] = False
    two_stages: ClassVar[bool] = False
    paradigm: ClassVar[str] = "external"
    sample_rate: int | None = None
    fits_length: ClassVar[bool] = False
    alignment: Alignment = Alignment()

    @abstractmethod
    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        """Enhance one clip, float32 ``[samples]``, already at the method's own rate.

        Args:
            generator: the clip's own; every random number comes from it.
        """

    def padded_length(self, samples: int) -> int:
        """The length to which a clip of ``samples`` is padded, at the method's rate: equal ones can go together."""
        return samples

    def enhance_together(
        self,
        noisy: Sequence[Audio],
        sample_rate: int,
        steps: int | None,
        generators: Sequence[torch.Generator],
        utterance_ids: Sequence[str | None],
    ) -> list[Enhanced]:
        """Enhance clips of one ``padded_length``, in order; each as by ``enhance_one``."""
        return [
            self.enhance_one(clip, sample_rate, steps, generator, own)
            for clip, generator, own in zip(noisy, generators, utterance_ids, strict=True)
        ]

    def preview(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> list[str]:
        """Notes shown before any of a dataset's recordings is enhanced, one line each.

        Args:
            utterance_ids: of the dataset.
            load: returns one of its recordings.

        Raises:
            UserError: this method cannot process any of them.
        """
        return []

    def set_common(self, **options: Any) -> None:
        """Take options that are common to all methods (``methods.names``): ``delay``, ``invert``, ``align``."""
        self.alignment = replace(self.alignment, **options)

    def cost(self) -> dict[str, float]:
        """What it costs beside time, the same for every recording: ``parameters``, ``macs_per_second`` of audio,
        ``algorithmic_latency_ms``; each where it is known.
        """
        return {}

    def measuring(self) -> AbstractContextManager[object]:
        """A context in which every call of ``enhance`` does all of its work, though it may have been done before."""
        return nullcontext()

    def provenance(self) -> dict[str, Any]:
        """The facts about this method in the run's manifest: hash of the weights, sampler, sizes."""
        return {}

    def enhance(
        self,
        noisy: Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None = None,
        generator: Seed = None,
        *,
        utterance_id: str | None = None,
    ) -> Enhanced:
        """Enhance one recording.

        Args:
            noisy: ``[samples]``; one sample is enough.
            sample_rate: of ``noisy``, in Hz. If the method works at another rate, the signal is resampled to it and
                back.
            steps: reverse steps N, for methods with steps; None for the method's default.
            generator: a ``torch.Generator`` or seed for the noise; a generator's state is read but not changed. None:
                different noise every time.
            utterance_id: the clip's id, for methods with ``needs_id``.

        Raises:
            UserError: the input is empty, not finite or not single-channel; ``steps`` is below 1.
        """
        return self._enhanced([noisy], sample_rate, steps, [generator], [utterance_id], 1)[0]

    def enhance_batch(
        self,
        noisy: Sequence[Audio | torch.Tensor] | Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None = None,
        generators: Sequence[Seed] | None = None,
        *,
        utterance_ids: Sequence[str | None] | None = None,
        batch: int = 1,
    ) -> list[Enhanced]:
        """Enhance recordings of any lengths, in order.

        Args:
            noisy: a sequence of ``[samples]``, or ``[batch, samples]``.
            sample_rate, steps: as for ``enhance``.
            generators, utterance_ids: one per clip.
            batch: at most so many clips go through the networks together, if the method ``batches``. With 1 the output
                is exactly that of each clip alone; larger batches round differently.

        Raises:
            UserError: as for ``enhance``, or the number of generators or ids is not that of the recordings.
        """
        count = len(noisy)
        seeds = [None] * count if generators is None else list(generators)
        ids = [None] * count if utterance_ids is None else list(utterance_ids)
        if len(seeds) != count or len(ids) != count:
            raise UserError(f"a batch of {count} needs {count} generators and utterance ids")
        return self._enhanced(noisy, sample_rate, steps, seeds, ids, batch)

    def _enhanced(
        self,
        noisy: Sequence[Audio | torch.Tensor] | Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None,
        generators: Sequence[Seed],
        utterance_ids: Sequence[str | None],
        batch: int,
    ) -> list[Enhanced]:
        clips = [checked(clip, steps) for clip in noisy]
        rate = self.sample_rate or sample_rate
        own = [_resampled(clip, sample_rate, rate) for clip in clips]
        made: dict[int, Enhanced] = {}
        for group in grouped([self.padded_length(clip.size) for clip in own], batch if self.batches else 1):
            with threads_kept():
                together = self.enhance_together(
                    [own[i] for i in group],
                    rate,
                    steps,
                    [_fresh(generators[i]) for i in group],
                    [utterance_ids[i] for i in group],
                )
            if self.alignment.align and not self.fits_length:
                together = [
                    _fitted(one, self.alignment, rate, own[i].size) for i, one in zip(group, together, strict=True)
                ]
            made.update(zip(group, together, strict=True))
        aligned = [_aligned(made[i], self.alignment, rate) for i in range(len(clips))]
        return [_returned(one, rate, sample_rate, clip.size) for one, clip in zip(aligned, clips, strict=True)]


def grouped(lengths: Sequence[int], batch: int) -> list[list[int]]:
    """The indices of equal ``lengths`` together, at most ``batch`` of them, in the order of their first."""
    open_groups: dict[int, list[int]] = {}
    groups = []
    for index, length in enumerate(lengths):
        group = open_groups.get(length)
        if group is None or len(group) >= batch:
            group = open_groups[length] = []
            groups.append(group)
        group.append(index)
    return groups


def checked(noisy: Audio | torch.Tensor, steps: int | None) -> Audio:
    """The recording as float32 ``[samples]``; raises as ``Method.enhance``."""
    clip = np.asarray(noisy, dtype=np.float32)
    if clip.ndim != 1:
        raise UserError(f"a recording must have one channel, shape [samples]; got {list(clip.shape)}")
    if clip.size == 0:
        raise UserError("the recording is empty")
    if not np.isfinite(clip).all():
        raise UserError("the recording holds NaN or infinity")
    if steps is not None and steps < 1:
        raise UserError(f"steps must be at least 1, got {steps}")
    return clip


def _resampled(clip: Audio, sample_rate: int, rate: int) -> Audio:
    own = resample(clip, sample_rate, rate)
    # A clip may be shorter than one sample at a lower rate.
    return own if own.size else np.zeros(1, dtype=np.float32)


def _fitted(made: Enhanced, alignment: Alignment, rate: int, samples: int) -> Enhanced:
    """What was made, not shorter than the recording; raises ``UserError`` as ``methods.fitting``."""
    audio, done = fitted(made.audio, rate, samples, rate, None, alignment.align, "its output")
    return replace(made, audio=audio, adjusted={**made.adjusted, **done})


def _aligned(made: Enhanced, alignment: Alignment, rate: int) -> Enhanced:
    audio, done = alignment.applied(made.audio, rate)
    if not done:
        return made
    estimate = None if made.estimate is None else alignment.applied(made.estimate, rate)[0]
    return replace(made, audio=audio, estimate=estimate, adjusted={**made.adjusted, **done})


def _returned(made: Enhanced, rate: int, sample_rate: int, length: int) -> Enhanced:
    """The result at the recording's own rate and length."""

    def returned(audio: Audio) -> Audio:
        return _fit(resample(audio, rate, sample_rate), length)

    return replace(
        made,
        audio=returned(made.audio),
        estimate=None if made.estimate is None else returned(made.estimate),
        model_rate=rate if rate != sample_rate else None,
        adjusted=made.adjusted if rate == sample_rate else {**made.adjusted, "resampled_from": rate},
    )


def _fresh(generator: Seed) -> torch.Generator:
    """A new CPU generator with the given one's state (or seed); the given one is not changed."""
    if isinstance(generator, torch.Generator):
        return generator.clone_state()
    own = torch.Generator()
    if generator is None:
        own.seed()
    else:
        own.manual_seed(generator)
    return own


def _fit(audio: Audio, length: int) -> Audio:
    """Cut or zero-pad at the end; resampling there and back can be a sample off."""
    return audio.copy() if audio.size == length else np.pad(audio[:length], (0, max(0, length - audio.size)))


METHODS: Registry[Method] = names.METHODS


def create(name: str, /, **options: Any) -> Method:
    """The method ``name`` with ``options`` (see its class). Raises ``UserError`` for unknown ones."""
    return METHODS.create(name, **options)
