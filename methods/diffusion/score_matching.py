"""The score network's loss, as in the StoRM and SGMSE releases.

Denoising score matching: the network is given a state of the path between ``start`` and ``clean``, and its
error there is what its parametrization says (Richter et al. 2025, "Investigating training objectives for
generative speech enhancement", Sec. III).
"""

from __future__ import annotations

from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.parametrization import Parametrization
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
    """The loss at time t with the draw z, ``[B]``; spectrograms are complex ``[B, 1, F, T]``, t is ``[B]``.

    Args:
        clean, start: the path's two ends.
        conditioning: what the network is given beside the state.
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
    """That ``score_loss`` can be had of a network with this parametrization.

    Raises:
        UserError: it has no such weighting, or no waveform that could be compared.
    """
    parametrization.weighting(objective.score_weighting)
    if objective.l1_weight and parametrization.predicts != "clean":
        raise UserError("l1_weight needs a score network that predicts clean speech: parametrization.predicts=clean")
