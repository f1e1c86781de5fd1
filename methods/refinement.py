"""Stochastic refinement: predict, then generate the residue of the prediction by diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.conditioning import Conditioned, conditioning
from methods.diffusion.score_matching import score_loss
from methods.losses import Losses, Objective, SpectrogramBatch, two_stage
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram
from methods.two_stage import TwoStage
from methods.weights import TrainedModel

NORMALISATIONS = ("clip", "bin")


@dataclass(frozen=True)
class Residual(Conditioned):
    """Settings of stochastic refinement.

    Attributes:
        residue_in_stft: whether the residue is computed before the magnitudes are compressed.
    """

    residue_in_stft: bool = False


class StochasticRefinement(TwoStage):
    """Diffusion on the residue x - D(y), the baseline of the StoRM paper (Eq. (13); Whang et al. 2022).

    The process runs from (y - D(y))/c to an estimate of (x - D(y))/c. The paper has no c; the first release of StoRM,
    the only one with this method, trains with the largest magnitude of y - D(y) in the clip, and so does this
    (docs/paper-vs-code.md). By default the sampler has no corrector and N = 30.

    Args:
        normalisation: "clip", c as in training; "bin", every bin divided by its own magnitude, as that release does
            at inference, unlike in its training.
        checkpoint, options: see ``TwoStage``.
    """

    name = "refinement"
    paradigm = "refinement"
    batches = True
    Settings = Residual
    generates_residue = True
    default_steps = 30

    def __init__(
        self, checkpoint: str | TrainedModel = "embedded", normalisation: str = "clip", **options: Any
    ) -> None:
        if normalisation not in NORMALISATIONS:
            raise did_you_mean("normalisation", normalisation, NORMALISATIONS)
        super().__init__(checkpoint, **options)
        self.normalisation = normalisation

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """Gradients flow from the score term into the predictive network, unless it is frozen."""
        estimate = self.trained_estimate(batch.noisy, objective)
        left = residue(self.model, batch.noisy, estimate)
        scale = residue_scale(left)
        wanted = residue(self.model, batch.clean, estimate) / scale
        beside = conditioning(self.model.settings.condition, batch.noisy, estimate)
        score = score_loss(self.model, objective, wanted, left / scale, beside, batch.t, batch.z)
        return two_stage(objective, batch.clean - estimate, score)

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        estimate, calls = self.estimate(noisy)
        left = residue(self.model, noisy, estimate)
        scale = residue_scale(left, self.normalisation)
        beside = conditioning(self.model.settings.condition, noisy, estimate)
        found = scale * self.sample(left / scale, beside, steps, randn_like)
        return EnhancedSpectrogram(undo_residue(self.model, found, estimate), estimate, calls)

    def check_objective(self, objective: Objective) -> None:
        if objective.l1_weight:
            raise UserError("objective.l1_weight needs a score network that predicts clean speech, not a residue")
        super().check_objective(objective)

    def provenance(self) -> dict[str, Any]:
        return {**super().provenance(), "normalisation": self.normalisation}


def residue(model: TrainedModel, x: Tensor, estimate: Tensor) -> Tensor:
    """The residue of ``x`` after subtracting ``estimate``, both ``[B, 1, F, T]``.

    The difference of the compressed spectrograms; with the setting ``residue_in_stft`` the compressed difference of
    the STFTs.
    """
    if not model.settings.residue_in_stft:
        return x - estimate
    transform = model.spectrogram
    return transform.compress(transform.expand(x) - transform.expand(estimate))


def undo_residue(model: TrainedModel, left: Tensor, estimate: Tensor) -> Tensor:
    """The inverse of ``residue``: x from the residue and the estimate."""
    if not model.settings.residue_in_stft:
        return estimate + left
    transform = model.spectrogram
    return transform.compress(transform.expand(left) + transform.expand(estimate))


def residue_scale(left: Tensor, normalisation: str = "clip") -> Tensor:
    """c: the largest magnitude over channel, F and T, ``[B, 1, 1, 1]``, or that of each bin; 1 where it is zero."""
    scale = left.abs() if normalisation == "bin" else left.abs().amax(dim=(1, 2, 3), keepdim=True)
    return torch.where(scale > 0, scale, torch.ones_like(scale))
