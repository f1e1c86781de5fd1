"""Parametrizations: the quantity that a score network predicts, and the resulting score and loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from bench.core.registry import Registry
from methods.diffusion.paths import Path, Perturbed, per_item

TIME_INPUTS = ("t", "sigma")

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

Weighting = Callable[[Perturbed, float], Tensor | float]
"""(a point of the path, sigma_data) -> the square root of the squared error's weight."""


@dataclass(frozen=True)
class Parametrization(ABC):
    """Maps the raw output F of a score network to a prediction, and that to the score of the perturbed data.

    prediction = c_skip x + c_out (network_scaling F), where F is the network applied to c_in times all its inputs:
    Richter et al. 2025, "Investigating training objectives for generative speech enhancement" (the SGMSE
    release's ``ncsnpp_v2``), optionally with the scalings of Karras et al. 2022 ("edm").

    All kinds describe the same reverse process: the score is that of the perturbation kernel around the prediction.
    They differ in what a short training learns first: prediction of clean speech learns to enhance, prediction of
    the score learns to remove the diffusion's noise.

    Attributes:
        predicts: the predicted quantity, and the name in the registry.
        weightings: of the squared error in the loss; the first is the default.
        default_c_out: the default of c_out.
        needs_straight: whether it is defined on straight paths only.
        c_in: "1" or "edm".
        c_out: "1", "-1", "sigma", "1/sigma" or "edm"; "" for the default.
        c_skip: "0" or "edm".
        network_scaling: "1", "1/sigma" or "1/t".
        time_input: the time embedding input, also used where the network divides by it: "t" as in the releases, or
            "sigma", sigma(t), as in the StoRM paper.
        sigma_data: the data's standard deviation that "edm" assumes.
    """

    predicts: ClassVar[str]
    weightings: ClassVar[Mapping[str, Weighting]]
    default_c_out: ClassVar[str] = "1"
    needs_straight: ClassVar[bool] = False

    c_in: str = "1"
    c_out: str = ""
    c_skip: str = "0"
    network_scaling: str = "1"
    time_input: str = "t"
    sigma_data: float = 0.1

    def __post_init__(self) -> None:
        if self.time_input not in TIME_INPUTS:
            raise did_you_mean("time_input", self.time_input, TIME_INPUTS)
        if not self.c_out:
            object.__setattr__(self, "c_out", self.default_c_out)
        for kind, known in _SCALES.items():
            if (value := getattr(self, kind)) not in known:
                raise did_you_mean(kind, value, known)

    @abstractmethod
    def score(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        """The score at state ``x``, ``[B, 1, F, T]``; ``start`` is the state that the forward process drifts to."""

    @abstractmethod
    def clean(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        """The expected clean speech given ``x``."""

    @abstractmethod
    def error(self, prediction: Tensor, at: Perturbed) -> Tensor:
        """The error in the loss, ``[B, 1, F, T]``; 0 for a perfect prediction."""

    def input_scale(self, t: Tensor, path: Path) -> Tensor:
        """c_in at t, ``[B, 1, 1, 1]``."""
        return self._scale("c_in", t, path)

    def time(self, t: Tensor, path: Path) -> Tensor:
        """The time embedding's input, ``[B]``."""
        return path.std(t) if self.time_input == "sigma" else t

    def prediction(self, output: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        """The predicted quantity from the network's raw output; all ``[B, 1, F, T]``, t ``[B]``."""
        output = self._scale("network_scaling", t, path) * output
        return self._scale("c_skip", t, path) * x + self._scale("c_out", t, path) * output

    def weighting(self, name: str) -> Weighting:
        """The weighting of that name; "" is the default.

        Raises:
            UserError: it is unknown.
        """
        name = name or next(iter(self.weightings))
        if name not in self.weightings:
            raise did_you_mean(
                f"score_weighting of a network that predicts the {self.predicts}:", name, self.weightings
            )
        return self.weightings[name]

    def config(self) -> dict[str, Any]:
        """The mapping from which ``parametrization_from`` builds an equal one."""
        return {"predicts": self.predicts, **asdict(self)}

    def _scale(self, kind: str, t: Tensor, path: Path) -> Tensor:
        return per_item(_SCALES[kind][getattr(self, kind)](path.std(t), t, self.sigma_data))


PARAMETRIZATIONS: Registry[Parametrization] = Registry(
    "prediction",
    "sebench.parametrizations",
    {
        "score": f"{__name__}:ScorePrediction",
        "mean": f"{__name__}:MeanPrediction",
        "clean": f"{__name__}:CleanPrediction",
        "velocity": f"{__name__}:VelocityPrediction",
        "denoised": f"{__name__}:DenoisedPrediction",
    },
)


@dataclass(frozen=True)
class ScorePrediction(Parametrization):
    """The score itself: -F for StoRM's and SGMSE+'s networks, which divide F by t."""

    predicts: ClassVar[str] = "score"
    weightings: ClassVar[Mapping[str, Weighting]] = {
        "sigma^2": lambda at, data: 1.0,
        "1": lambda at, data: 1 / at.std,
    }
    default_c_out: ClassVar[str] = "-1"

    def score(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return prediction

    def clean(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        """By Tweedie's formula."""
        return path.clean(x + per_item(path.std(t)) ** 2 * prediction, t, start)

    def error(self, prediction: Tensor, at: Perturbed) -> Tensor:
        """sigma s + z, weighted with sigma^2: with the state mean + sigma z the score should be -z / sigma."""
        return at.std * prediction + at.z


@dataclass(frozen=True)
class MeanPrediction(Parametrization):
    """The perturbation kernel's mean: the SGMSE release's "denoiser" loss."""

    predicts: ClassVar[str] = "mean"
    weightings: ClassVar[Mapping[str, Weighting]] = {
        "sigma^2": lambda at, data: at.std,
        "1": lambda at, data: 1.0,
        "edm": lambda at, data: torch.sqrt(at.std**2 + data**2) / (at.std * data),
    }

    def score(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return (prediction - x) / per_item(path.std(t)) ** 2

    def clean(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return path.clean(prediction, t, start)

    def error(self, prediction: Tensor, at: Perturbed) -> Tensor:
        return prediction - at.mean


@dataclass(frozen=True)
class CleanPrediction(Parametrization):
    """x0: the SGMSE release's "data_prediction"."""

    predicts: ClassVar[str] = "clean"
    weightings: ClassVar[Mapping[str, Weighting]] = {
        "1": lambda at, data: 1.0,
        "1/FT": lambda at, data: (at.clean.shape[-2] * at.clean.shape[-1]) ** -0.5,
    }

    def score(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return (path.mean(prediction, t, start) - x) / per_item(path.std(t)) ** 2

    def clean(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return prediction

    def error(self, prediction: Tensor, at: Perturbed) -> Tensor:
        return prediction - at.clean


@dataclass(frozen=True)
class DenoisedPrediction(CleanPrediction):
    """x0 as the state holds it, corrected by the network: c_skip u + c_out F.

    u = (x - b y) / a = x0 + (sigma / a) z is the state without its noisy share: the change of variable of Gonzalez et
    al. 2024, "Investigating the design space of diffusion models for speech enhancement", under which the scalings of
    Karras et al. 2022 hold (here with c_out / sigma_data, so that F has the scale of speech):

        c_skip = a^2 sigma_data^2 / (sigma^2 + a^2 sigma_data^2),  c_out = sigma / sqrt(sigma^2 + a^2 sigma_data^2)

    Late in the reverse process u is nearly clean and the network removes what is left of the noise; early, where u
    holds nothing, the prediction is F. A small network that predicts clean speech by itself reproduces what u holds
    with a larger error than u has (docs/embedded-weights.md).

    sigma_data is the standard deviation of x0 given y: about a predictive network's error.
    """

    predicts: ClassVar[str] = "denoised"
    weightings: ClassVar[Mapping[str, Weighting]] = {
        "edm": lambda at, data: torch.sqrt(at.std**2 + (at.a * data) ** 2) / at.std,  # 1 / c_out
        **CleanPrediction.weightings,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.c_out, self.c_skip, self.network_scaling) != ("1", "0", "1"):
            raise UserError(
                "parametrization.predicts=denoised has scalings of its own: leave out c_out, c_skip and network_scaling"
            )

    def prediction(self, output: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        a, b = (per_item(weight) for weight in path.mean_weights(t))
        std = per_item(path.std(t))
        total = std**2 + (a * self.sigma_data) ** 2
        return a * self.sigma_data**2 / total * (x - b * start) + std / torch.sqrt(total) * output


@dataclass(frozen=True)
class VelocityPrediction(Parametrization):
    """The velocity of a straight path, dx/dt = (x - x0) / t: conditional flow matching (Lipman et al. 2023).

    -F for FlowSE's networks, which divide F by t.
    """

    predicts: ClassVar[str] = "velocity"
    needs_straight: ClassVar[bool] = True
    weightings: ClassVar[Mapping[str, Weighting]] = {"1": lambda at, data: 1.0}
    default_c_out: ClassVar[str] = "-1"

    def score(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return (path.mean(self.clean(prediction, x, t, start, path), t, start) - x) / per_item(path.std(t)) ** 2

    def clean(self, prediction: Tensor, x: Tensor, t: Tensor, start: Tensor, path: Path) -> Tensor:
        return x - per_item(t) * prediction

    def error(self, prediction: Tensor, at: Perturbed) -> Tensor:
        return prediction - (at.x - at.clean) / per_item(at.t)


def parametrization_from(config: Mapping[str, Any]) -> Parametrization:
    """The parametrization described by ``config``: what it ``predicts`` (default "score") and its options.

    Raises:
        UserError: an unknown prediction, option or scaling.
    """
    options = dict(config)
    if "told" in options:  # the name of time_input in older files
        options["time_input"] = options.pop("told")
    return PARAMETRIZATIONS.create(options.pop("predicts", "score"), **options)
