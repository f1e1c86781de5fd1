"""What a score network's output stands for, and the score that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.core.errors import did_you_mean
from methods.diffusion.paths import SDE, per_item

PREDICTIONS = ("score", "mean", "clean")
TOLD = ("t", "sigma")

Scale = Callable[[Tensor, Tensor, float], Tensor]
"""(sigma(t), t, sigma_data) -> a factor, ``[B]``."""

_OUTPUT: dict[str, Scale] = {
    "1": lambda sigma, t, data: torch.ones_like(t),
    "-1": lambda sigma, t, data: -torch.ones_like(t),
    "sigma": lambda sigma, t, data: sigma,
    "1/sigma": lambda sigma, t, data: 1 / sigma,
    "edm": lambda sigma, t, data: sigma * data / torch.sqrt(sigma**2 + data**2),
}
_SCALES: dict[str, dict[str, Scale]] = {
    "c_in": {"1": _OUTPUT["1"], "edm": lambda sigma, t, data: 1 / torch.sqrt(sigma**2 + data**2)},
    "c_skip": {
        "0": lambda sigma, t, data: torch.zeros_like(t),
        "edm": lambda sigma, t, data: data**2 / (sigma**2 + data**2),
    },
    "c_out": _OUTPUT,
    "network_scaling": {"1": _OUTPUT["1"], "1/sigma": _OUTPUT["1/sigma"], "1/t": lambda sigma, t, data: 1 / t},
}


@dataclass(frozen=True)
class Parametrization:
    """From the raw output F of a score network to a prediction, and from that to the score of the perturbed data.

    prediction = c_skip x + c_out (network_scaling F), F being the network of c_in times all its inputs:
    Richter et al. 2025, "Investigating training objectives for generative speech enhancement" (the SGMSE
    release's ``ncsnpp_v2``), with the scalings of Karras et al. 2022 ("edm") on request. The default is
    score = -F of StoRM and SGMSE+, whose network has divided F by t.

    Attributes:
        predicts: "score"; "mean", the perturbation kernel's (the release's "denoiser" loss); or "clean",
            x0 ("data_prediction"). The score that follows is that of the perturbation kernel around
            it. The process that is reversed is the same; what differs is what a short training learns
            first: to enhance rather than to remove the diffusion's own noise.
        c_in: "1" or "edm".
        c_out: "1", "-1", "sigma", "1/sigma" or "edm"; "" for "-1" with a score and "1" otherwise.
        c_skip: "0" or "edm".
        network_scaling: "1", "1/sigma" or "1/t".
        told: what the network is told of the time, and divided by where it divides: "t" as in the
            releases, or "sigma", sigma(t), as the StoRM paper has it.
        sigma_data: the data's standard deviation that "edm" assumes.
    """

    predicts: str = "score"
    c_in: str = "1"
    c_out: str = ""
    c_skip: str = "0"
    network_scaling: str = "1"
    told: str = "t"
    sigma_data: float = 0.1

    def __post_init__(self) -> None:
        if self.predicts not in PREDICTIONS:
            raise did_you_mean("prediction", self.predicts, PREDICTIONS)
        if self.told not in TOLD:
            raise did_you_mean("told", self.told, TOLD)
        if not self.c_out:
            object.__setattr__(self, "c_out", "-1" if self.predicts == "score" else "1")
        for kind, known in _SCALES.items():
            if (value := getattr(self, kind)) not in known:
                raise did_you_mean(kind, value, known)

    def input_scale(self, t: Tensor, sde: SDE) -> Tensor:
        """c_in at t, ``[B, 1, 1, 1]``."""
        return self._scale("c_in", t, sde)

    def time(self, t: Tensor, sde: SDE) -> Tensor:
        """What the network is told, ``[B]``."""
        return sde.std(t) if self.told == "sigma" else t

    def prediction(self, output: Tensor, x: Tensor, t: Tensor, sde: SDE) -> Tensor:
        """What ``predicts`` names, from the network's raw output; all ``[B, 1, F, T]``, t ``[B]``."""
        output = self._scale("network_scaling", t, sde) * output
        return self._scale("c_skip", t, sde) * x + self._scale("c_out", t, sde) * output

    def score(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, sde: SDE) -> Tensor:
        """The score at state ``x``; ``start`` is what the SDE drifts to."""
        if self.predicts == "score":
            return prediction
        mean = prediction if self.predicts == "mean" else sde.mean(prediction, t, start)
        return (mean - x) / per_item(sde.std(t)) ** 2

    def clean(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, sde: SDE) -> Tensor:
        """The expected clean speech behind ``x``: from a score by Tweedie's formula."""
        if self.predicts == "clean":
            return prediction
        mean = prediction if self.predicts == "mean" else x + per_item(sde.std(t)) ** 2 * prediction
        return sde.clean(mean, t, start)

    def _scale(self, kind: str, t: Tensor, sde: SDE) -> Tensor:
        return per_item(_SCALES[kind][getattr(self, kind)](sde.std(t), t, self.sigma_data))
