"""The score network's loss, as in the StoRM and SGMSE releases.

Denoising score matching: the network gets a state of the path between ``start`` and ``clean``, and its parametrization
defines the error (Richter et al. 2025, "Investigating training objectives for generative speech enhancement",
Sec. III).
"""

from __future__ import annotations

from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.parametrization import CleanPrediction, Parametrization
from methods.diffusion.score_model import ScoreModel
from methods.losses import Objective, half_norm
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel


def score_loss(
    model: TrainedModel,
    objective: Objective,
    clean: Tensor,
    start: Tensor,
    conditioning: tuple[Tensor, ...],
    t: Tensor,
    z: Tensor,
) -> Tensor:
    """The loss ``[B]`` at time t with noise z; spectrograms are complex ``[B, 1, F, T]``, t is ``[B]``.

    Args:
        clean, start: the path's two ends.
        conditioning: the network's inputs besides the state.
    """
    at = model.sde.perturb(clean, t, start, z)
    prediction = ScoreModel(model, start, conditioning).output(at.x, t)
    parametrization = model.parametrization
    weight = parametrization.weighting(objective.score_weighting)(at, parametrization.sigma_data)
    loss = half_norm(weight * parametrization.error(prediction, at), objective.score_loss)
    if objective.l1_weight:
        loss = loss + objective.l1_weight * waveform_loss(model.spectrogram, prediction, clean)
    return loss


def waveform_loss(transform: Spectrogram, prediction: Tensor, clean: Tensor) -> Tensor:
    """Half the mean absolute error of the waveforms: ``[B]``."""
    ours, theirs = (transform.inverse(x, transform.samples(x.shape[-1])) for x in (prediction, clean))
    return 0.5 * (ours - theirs).abs().mean(1)


def check_score_objective(parametrization: Parametrization, objective: Objective) -> None:
    """Check that ``score_loss`` supports this objective with this parametrization.

    Raises:
        UserError: the weighting is unknown, or a waveform loss is requested without a prediction of clean speech.
    """
    parametrization.weighting(objective.score_weighting)
    if objective.l1_weight and not isinstance(parametrization, CleanPrediction):
        raise UserError(
            "l1_weight needs a score network that predicts clean speech: parametrization.predicts=clean or denoised"
        )
