"""What a score network's output stands for, and the score that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.core.errors import did_you_mean
from methods.sdes import OUVE, per_item

PREDICTIONS = ("score", "clean")


@dataclass(frozen=True)
class Parametrization:
    """From the raw output F of a score network to the score of the perturbed data.

    Attributes:
        predicts: "score", score = -F, as StoRM and SGMSE+ (F already divided by t in the network); or
            "clean", F estimates x0 (data prediction: Richter et al. 2025, "Investigating training
            objectives for generative speech enhancement"), and the score is that of the perturbation
            kernel around it. The process that is reversed is the same; what differs is what a short
            training learns first: to enhance rather than to remove the diffusion's own noise.
    """

    predicts: str = "score"

    def __post_init__(self) -> None:
        if self.predicts not in PREDICTIONS:
            raise did_you_mean("prediction", self.predicts, PREDICTIONS)

    def score(self, output: Tensor, x: Tensor, t: Tensor, start: Tensor, sde: OUVE) -> Tensor:
        """The score at state ``x``, all ``[B, 1, F, T]``, t ``[B]``; ``start`` is what the SDE drifts to."""
        if self.predicts == "score":
            return -output
        mean, std = sde.marginal_prob(output, t, start)
        return (mean - x) / per_item(std) ** 2
