"""The protocol that every enhancement method keeps, and the registry of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch

from bench.core.audio import resample
from bench.core.errors import UserError
from bench.core.registry import Registry
from bench.core.types import Audio, Tag, Utterance
from methods import names

__all__ = ["METHODS", "Enhanced", "Method", "Seed", "create"]

Seed = torch.Generator | int | None


@dataclass(frozen=True)
class Enhanced:
    """What ``enhance`` gives back for one recording.

    Attributes:
        audio: float32 ``[samples]``, as long as the recording and at its rate.
        nfe: network function evaluations, counted where the networks were called.
        model_rate: the rate in Hz the method worked at, if it resampled the recording for that.
        estimate: of a method in two stages, what the first made of the recording; as ``audio``.
        adjusted: what was done to what a system gave so that it fits the recording: {"samples": -304}, or
            {"resampled_from": 48000} where the method works at another rate, and the like.
    """

    audio: Audio
    nfe: int = 0
    model_rate: int | None = None
    estimate: Audio | None = None
    adjusted: Mapping[str, Tag] = field(default_factory=dict)


class Method(ABC):
    """An enhancement system.

    A method says what it is in class attributes, and implements ``enhance_one``; ``enhance`` does
    what is the same for all: checks, rates, and the promise that a clip's output depends on the clip
    and its seed alone.

    Attributes:
        uses_steps: whether the number of reverse steps N means anything to it.
        stochastic: whether its output depends on the generator.
        two_stages: whether it gives a predictor's estimate beside what it makes of that.
        needs_id: whether ``enhance`` needs the utterance's id.
        paradigm: "control", "external", "predictive", "generative", "refinement", "regeneration".
        sample_rate: the rate in Hz it works at, or None for any.
    """

    uses_steps: bool = False
    stochastic: bool = False
    needs_id: ClassVar[bool] = False
    two_stages: ClassVar[bool] = False
    paradigm: ClassVar[str] = "external"
    sample_rate: int | None = None

    @abstractmethod
    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        """Enhance one clip, float32 ``[samples]``, already at the method's own rate.

        Args:
            generator: of this clip; every random number comes from it.
        """

    def preview(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> list[str]:
        """What the user should know before any of a dataset's recordings is enhanced: a line each.

        Args:
            utterance_ids: of the dataset.
            load: gives one of its recordings.

        Raises:
            UserError: this method can do nothing with any of them.
        """
        return []

    def provenance(self) -> dict[str, Any]:
        """What the run's manifest records of this method: weights' hash, sampler, sizes."""
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
            sample_rate: of ``noisy``, in Hz. Where the method works at another, it is resampled
                there and back.
            steps: reverse steps N, for methods that take steps; None for the method's default.
            generator: a ``torch.Generator`` or seed for the noise; a generator's state is read and left
                as it is. None: other noise every time.
            utterance_id: the clip's id, for methods with ``needs_id``.

        Raises:
            UserError: empty, not finite, or not one-channel input; steps below 1.
        """
        clip = _checked(noisy, steps)
        rate = self.sample_rate or sample_rate
        own = resample(clip, sample_rate, rate)
        if own.size == 0:  # a clip shorter than one sample at the lower rate
            own = np.zeros(1, dtype=np.float32)
        made = self.enhance_one(own, rate, steps, _fresh(generator), utterance_id)

        def returned(audio: Audio) -> Audio:
            return _fit(resample(audio, rate, sample_rate), clip.size)

        return replace(
            made,
            audio=returned(made.audio),
            estimate=None if made.estimate is None else returned(made.estimate),
            model_rate=rate if rate != sample_rate else None,
            adjusted=made.adjusted if rate == sample_rate else {**made.adjusted, "resampled_from": rate},
        )

    def enhance_batch(
        self,
        noisy: Sequence[Audio | torch.Tensor] | Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None = None,
        generators: Sequence[Seed] | None = None,
        *,
        utterance_ids: Sequence[str] | None = None,
    ) -> list[Enhanced]:
        """Enhance recordings of any lengths, in order.

        Clips are enhanced one at a time: batched kernels round differently from single ones, and a clip
        comes out the same alone and in a batch.

        Args:
            noisy: a sequence of ``[samples]``, or ``[batch, samples]``.
            sample_rate, steps: as for ``enhance``.
            generators, utterance_ids: one a clip.

        Raises:
            UserError: as for ``enhance``, or there are more or fewer generators or ids than recordings.
        """
        count = len(noisy)
        seeds = [None] * count if generators is None else list(generators)
        ids = [None] * count if utterance_ids is None else list(utterance_ids)
        if len(seeds) != count or len(ids) != count:
            raise UserError(f"a batch of {count} needs {count} generators and utterance ids")
        return [
            self.enhance(clip, sample_rate, steps, seed, utterance_id=own)
            for clip, seed, own in zip(noisy, seeds, ids, strict=True)
        ]


def _checked(noisy: Audio | torch.Tensor, steps: int | None) -> Audio:
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


def _fresh(generator: Seed) -> torch.Generator:
    """A CPU generator at the given one's state (or seed), leaving the given one untouched."""
    own = torch.Generator()
    if isinstance(generator, torch.Generator):
        own.set_state(generator.get_state())
    elif generator is None:
        own.seed()
    else:
        own.manual_seed(generator)
    return own


def _fit(audio: Audio, length: int) -> Audio:
    """Cut or zero-pad at the end; resampling there and back can be a sample off."""
    return np.pad(audio[:length], (0, max(0, length - audio.size)))


METHODS: Registry[Method] = names.METHODS


def create(name: str, /, **options: Any) -> Method:
    """The method called ``name`` with ``options`` (see its class); unknown ones are refused."""
    return METHODS.create(name, **options)
