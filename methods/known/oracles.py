"""What methods of a kind can reach at best: they are given the clean reference, and never ranked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.core.errors import UserError
from bench.core.types import Audio, Utterance
from methods.base import Enhanced, Method, Seed, checked
from methods.known.frames import Frames

Spectra = NDArray[np.complex128]

LOWEST_POWER = 1e-20
"""Added to denominators; of a bin at full scale 1."""

LOOKED_AT = 10
"""Recordings of a dataset in which a reference is looked for before a run."""

NO_REFERENCE = "an oracle is given the clean reference, and this recording has none"


class Oracle(Method):
    """A method that is given the clean speech with each recording.

    Raises:
        UserError: a recording has no clean reference, or one of another length.
    """

    paradigm = "oracle"
    cost_is_measured = False
    needs_clean = True

    @abstractmethod
    def estimate(self, noisy: Audio, clean: Audio, sample_rate: int) -> Audio:
        """The enhanced speech, float32 ``[samples]``, of a recording and its reference, both ``[samples]``."""

    def preview(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> list[str]:
        for utterance_id in utterance_ids[:LOOKED_AT]:
            with suppress(UserError):  # of a file that cannot be read; its own row will say why
                if load(utterance_id).clean is not None:
                    return []
        raise UserError(f"{utterance_ids[0]}: {NO_REFERENCE}")

    def enhance(
        self,
        noisy: Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None = None,
        generator: Seed = None,
        *,
        utterance_id: str | None = None,
        clean: Audio | None = None,
    ) -> Enhanced:
        """As ``Method.enhance``, with the reference ``clean``, float32 ``[samples]``, at the recording's rate."""
        recording = checked(noisy, steps)
        if clean is None:
            raise UserError(NO_REFERENCE)
        if clean.shape != recording.shape:
            raise UserError(f"the clean reference has the shape {list(clean.shape)}, noisy {list(recording.shape)}")
        made, done = self.alignment.applied(self.estimate(recording, clean, sample_rate), sample_rate)
        return Enhanced(made, adjusted=done)

    def enhance_batch(
        self,
        noisy: Sequence[Audio | torch.Tensor] | Audio | torch.Tensor,
        sample_rate: int,
        steps: int | None = None,
        generators: Sequence[Seed] | None = None,
        *,
        utterance_ids: Sequence[str | None] | None = None,
        batch: int = 1,
        clean: Sequence[Audio | None] | None = None,
    ) -> list[Enhanced]:
        """As ``enhance``, of several recordings with their references."""
        references = [None] * len(noisy) if clean is None else clean
        return [self.enhance(one, sample_rate, clean=own) for one, own in zip(noisy, references, strict=True)]

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        raise UserError(NO_REFERENCE)


class Clean(Oracle):
    """Returns the clean reference: what each metric gives at best."""

    def estimate(self, noisy: Audio, clean: Audio, sample_rate: int) -> Audio:
        return clean.astype(np.float32)


class _Mask(Oracle):
    """A real gain on the noisy spectrum, by bins of an STFT (``Frames``)."""

    @abstractmethod
    def mask(self, noisy: Spectra, clean: Spectra) -> NDArray[np.float64]:
        """The gain ``[frames, bins]``."""

    def estimate(self, noisy: Audio, clean: Audio, sample_rate: int) -> Audio:
        frames = Frames(sample_rate)
        spectra = frames.analyse(noisy)
        return frames.synthesise(self.mask(spectra, frames.analyse(clean)) * spectra, noisy.size)


class IdealRatioMask(_Mask):
    """The ratio mask (S² / (S² + N²))^beta with the noisy phase; N is what the recording holds beside the speech.

    A. Narayanan, D. Wang, "Ideal ratio mask estimation using deep neural networks for robust speech recognition",
    ICASSP 2013; C. Hummersone, T. Stokes, T. Brookes, "On the ideal ratio mask as the goal of computational auditory
    scene analysis", in Blind Source Separation, Springer 2014.

    Args:
        beta: 0.5 is the square root, as usual; 1 the Wiener filter.
    """

    def __init__(self, beta: float = 0.5) -> None:
        if not beta > 0:
            raise UserError(f"ideal_ratio_mask: beta must be above 0, got {beta}")
        self.beta = beta

    def mask(self, noisy: Spectra, clean: Spectra) -> NDArray[np.float64]:
        speech, noise = np.abs(clean) ** 2, np.abs(noisy - clean) ** 2
        found: NDArray[np.float64] = (speech / (speech + noise + LOWEST_POWER)) ** self.beta
        return found

    def provenance(self) -> dict[str, Any]:
        return {"beta": self.beta}


class PhaseSensitiveMask(_Mask):
    """The phase-sensitive mask |S| / |Y| cos(angle between S and Y), cut to 0 to 1, with the noisy phase.

    H. Erdogan, J. R. Hershey, S. Watanabe, J. Le Roux, "Phase-sensitive and recognition-boosted speech separation using
    deep recurrent neural networks", ICASSP 2015.
    """

    def mask(self, noisy: Spectra, clean: Spectra) -> NDArray[np.float64]:
        projected = (clean * np.conj(noisy)).real / (np.abs(noisy) ** 2 + LOWEST_POWER)
        gain: NDArray[np.float64] = np.clip(projected, 0, 1)
        return gain
