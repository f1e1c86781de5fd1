"""The protocol that every enhancement method keeps, and the registry of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from bench.core.audio import resample
from bench.core.errors import UserError
from bench.core.registry import Registry
from bench.core.types import Audio, Tag
from methods.diffusion.paths import RandnLike

Seed = torch.Generator | int | None


@dataclass(frozen=True)
class Enhanced:
    """What ``enhance`` gives back for one recording.

    Attributes:
        audio: float32 ``[samples]``, as long as the recording and at its rate.
        nfe: network function evaluations, counted where the networks were called.
        model_rate: the rate in Hz the method worked at, if it resampled the recording for that.
        estimate: of a method in two stages, what the first made of the recording; as ``audio``.
        adjusted: what was done to the speech of a system outside so that it fits: {"samples": -304} and the like.
    """

    audio: Audio
    nfe: int = 0
    model_rate: int | None = None
    estimate: Audio | None = None
    adjusted: Mapping[str, Tag] = field(default_factory=dict)


class Method(ABC):
    """An enhancement system.

    A method says what it is in class attributes, and implements ``enhance_one``; ``enhance`` does
    what is the same for all: checks, batches, rates, and the promise that a clip's output depends
    on the clip and its seed alone.

    Attributes:
        uses_steps: whether the number of reverse steps N means anything to it.
        stochastic: whether its output depends on the generator.
        two_stages: whether it gives a predictor's estimate beside what it makes of that.
        needs_id: whether ``enhance`` must be told the utterance's id.
        paradigm: "control", "external", "predictive", "generative", "refinement", "regeneration".
        sample_rate: the rate in Hz it works at, or None for any.
    """

    uses_steps: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    needs_id: ClassVar[bool] = False
    two_stages: bool = False
    paradigm: ClassVar[str] = "external"
    sample_rate: int | None = None

    @abstractmethod
    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance: str | None
    ) -> Enhanced:
        """Enhance one clip, float32 ``[samples]``, already at the method's own rate."""

    def replay_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, randn_like: RandnLike, utterance: str | None
    ) -> Enhanced:
        """``enhance_one`` with the noise that ``randn_like`` gives, for methods that draw any.

        Raises:
            UserError: the method draws its noise in some other way.
        """
        if self.stochastic:
            raise UserError(f"{type(self).__name__} takes no randn_like=, it draws its noise from the generator")
        return self.enhance_one(noisy, sample_rate, steps, _fresh(None), utterance)

    def provenance(self) -> dict[str, Any]:
        """What the run's manifest records of this method: weights' hash, sampler, sizes."""
        return {}

    def enhance(
        self,
        noisy: Audio | torch.Tensor | Sequence[Audio | torch.Tensor],
        sample_rate: int,
        steps: int | None = None,
        generator: Seed | Sequence[Seed] = None,
        *,
        utterance: str | Sequence[str] | None = None,
        randn_like: RandnLike | None = None,
    ) -> Enhanced | list[Enhanced]:
        """Enhance one recording or a batch.

        Args:
            noisy: one recording ``[samples]``; or a batch: ``[batch, samples]`` or a sequence of
                recordings of any lengths. One sample is enough.
            sample_rate: of ``noisy``, in Hz. Where the method works at another, it is resampled
                there and back.
            steps: reverse steps N, for methods that take steps; None for the method's default.
            generator: a ``torch.Generator`` or seed for the noise; for a batch, one for all or one a
                clip. Every clip starts from the given generator's state, so that it comes out the
                same alone and in a batch; clips are enhanced one at a time because batched kernels
                round differently from single ones.
            utterance: the clip's id, for methods with ``needs_id``; for a batch, one a clip.
            randn_like: gives the noise instead of a generator, to replay some: called with a tensor for
                one of its shape and type, in the order that the sampler says, clip after clip.

        Returns:
            ``Enhanced`` for one recording, a list of it for a batch.

        Raises:
            UserError: empty, not finite, or not one-channel input; steps below 1; noise that does not fit.
        """
        if generator is not None and randn_like is not None:
            raise UserError("noise comes from generator= or from randn_like=, not from both")
        if isinstance(noisy, np.ndarray | torch.Tensor) and noisy.ndim == 1:
            if isinstance(generator, Sequence) or not (utterance is None or isinstance(utterance, str)):
                raise UserError("one recording takes one generator and one utterance id")
            return self._enhance_checked(noisy, sample_rate, steps, generator, utterance, randn_like)
        count = len(noisy)
        generators = list(generator) if isinstance(generator, Sequence) else [generator] * count
        ids = [utterance] * count if utterance is None or isinstance(utterance, str) else list(utterance)
        if len(generators) != count or len(ids) != count:
            raise UserError(f"a batch of {count} needs one generator, or {count}, and {count} utterance ids")
        return [
            self._enhance_checked(clip, sample_rate, steps, clip_generator, clip_id, randn_like)
            for clip, clip_generator, clip_id in zip(noisy, generators, ids, strict=True)
        ]

    def _enhance_checked(
        self,
        noisy: Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None,
        generator: Seed,
        utterance: str | None,
        randn_like: RandnLike | None,
    ) -> Enhanced:
        clip = np.asarray(noisy, dtype=np.float32)
        if clip.ndim != 1:
            raise UserError(f"a recording must have one channel, shape [samples]; got {list(clip.shape)}")
        if clip.size == 0:
            raise UserError("the recording is empty")
        if not np.isfinite(clip).all():
            raise UserError("the recording holds NaN or infinity")
        if steps is not None and steps < 1:
            raise UserError(f"steps must be at least 1, got {steps}")
        rate = self.sample_rate or sample_rate
        own = resample(clip, sample_rate, rate)
        if own.size == 0:  # a clip shorter than one sample at the lower rate
            own = np.zeros(1, dtype=np.float32)
        if randn_like is None:
            enhanced = self.enhance_one(own, rate, steps, _fresh(generator), utterance)
        else:
            enhanced = self.replay_one(own, rate, steps, randn_like, utterance)
        audio = _fit(resample(enhanced.audio, rate, sample_rate), clip.size)
        estimate = None
        if enhanced.estimate is not None:
            estimate = _fit(resample(enhanced.estimate, rate, sample_rate), clip.size)
        return Enhanced(audio, enhanced.nfe, rate if rate != sample_rate else None, estimate, enhanced.adjusted)


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


METHODS: Registry[Method] = Registry(
    "method",
    "sebench.methods",
    {
        "noisy": "methods.noisy",
        "precomputed": "methods.precomputed",
        "ncsnpp_m": "methods.predictive",
        "sgmse_m": "methods.sgmse",
        "refinement": "methods.refinement",
        "storm": "methods.storm",
    },
)


def create(name: str, /, **options: Any) -> Method:
    """The method called ``name`` with ``options`` (see its class); unknown ones are refused."""
    return METHODS.create(name, **options)
