"""What methods with a score network and a sampler share."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from torch import Tensor

from methods.diffusion.samplers import choose
from methods.diffusion.score_model import ScoreModel
from methods.noise import RandnLike
from methods.spectral import SpectralMethod
from methods.weights import TrainedModel


class DiffusionMethod(SpectralMethod):
    """A spectral method with a score network and a sampler.

    Args:
        sampler: "pc" (predictor-corrector) or "ode" (adaptive) for the diffusions, "ode" or "sde" for the
            Schroedinger bridge.
        predictor, corrector, corrector_steps, snr, stepping, times, denoise: see ``PredictorCorrector``.
        rtol, atol, max_calls, stepping, denoise: see ``ProbabilityFlow``.
        t_eps: the last time at which the network is asked; of the weights it is what they were trained to.

    For each, None is what the weights ask for; where they ask for nothing, what the release runs the
    method with. Weights may ask for ``steps`` too, in place of ``default_steps``.

    Attributes:
        release: the release's sampler settings.
        default_steps: N where none is given: the weights', or the release's.
    """

    uses_steps = True
    stochastic = True
    release: ClassVar[dict[str, Any]] = {"predictor": "reverse_diffusion", "corrector": "none"}
    default_steps: int

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        device: str = "auto",
        weights: str | None = None,
        sampler: str | None = None,
        predictor: str | None = None,
        corrector: str | None = None,
        corrector_steps: int | None = None,
        snr: float | None = None,
        stepping: str | None = None,
        times: str | None = None,
        denoise: bool | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        max_calls: int | None = None,
        t_eps: float | None = None,
    ) -> None:
        super().__init__(checkpoint, device, weights)
        options = {
            "sampler": sampler,
            "predictor": predictor,
            "corrector": corrector,
            "corrector_steps": corrector_steps,
            "snr": snr,
            "stepping": stepping,
            "times": times,
            "denoise": denoise,
            "rtol": rtol,
            "atol": atol,
            "max_calls": max_calls,
            "t_eps": t_eps,
        }
        told = {name: value for name, value in options.items() if value is not None}
        defaults = {**self.release, **self.model.sampler}
        self.default_steps = int(defaults.pop("steps", self.default_steps))
        self.sampler = choose(self.model.sde, told, defaults, self.model.t_eps)

    def sample(
        self, start: Tensor, conditioning: tuple[Tensor, ...], steps: int | None, randn_like: RandnLike
    ) -> Tensor:
        """The reverse process from ``start``, the network taking ``conditioning`` beside the state."""
        model = ScoreModel(self.model, start, conditioning)
        estimate = model.clean if self.sampler.asks_for == "clean" else model.score
        return self.sampler.sample(estimate, self.model.sde, start, steps or self.default_steps, randn_like)

    def provenance(self) -> dict[str, Any]:
        sampler = {"name": type(self.sampler).__name__, **asdict(self.sampler)}  # type: ignore[call-overload]
        return {**super().provenance(), "sampler": sampler, "default_steps": self.default_steps}
