"""The base class of methods with a score network and a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.samplers import Estimate, choose, sampler_options
from methods.diffusion.samplers.base import start_time
from methods.diffusion.score_matching import check_score_objective
from methods.diffusion.score_model import ScoreModel
from methods.losses import Objective
from methods.noise import RandnLike
from methods.spectral import SpectralMethod
from methods.weights import TrainedModel


class DiffusionMethod(SpectralMethod):
    """A spectral method with a score network and a sampler.

    Args:
        checkpoint, device, weights, precision, compile: see ``TrainedMethod``.
        sampler: "pc" (predictor-corrector) or "ode" (adaptive) for the diffusions, "ode" or "sde" for the
            Schroedinger bridge, or any other of ``SAMPLERS`` that supports the weights' path; or a mapping of its
            ``name`` and its options.
        sampler_options: of the project's own samplers, e.g. ``corrector="none"``: see ``PredictorCorrector``,
            ``ProbabilityFlow``.

    None means the setting stored with the weights, or else that of the method's release. Weights may also specify
    ``steps``, which replaces ``default_steps``.

    Attributes:
        release: the release's sampler settings.
        default_steps: N by default: the weights', or the release's.
    """

    uses_steps = True
    stochastic = True
    warm_starts: ClassVar[Mapping[str, str]] = {"score": "denoiser"}
    release: ClassVar[dict[str, Any]] = {"predictor": "reverse_diffusion", "corrector": "none"}
    default_steps: int

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        device: str = "auto",
        weights: str | None = None,
        sampler: str | Mapping[str, Any] | None = None,
        precision: str = "float32",
        compile: bool = False,
        **sampler_options: Any,
    ) -> None:
        super().__init__(checkpoint, device, weights, precision, compile)
        if self.model.parametrization.needs_straight and not self.model.sde.straight:
            predicts = self.model.parametrization.predicts
            raise UserError(f"parametrization.predicts={predicts} needs a straight path, as sde.name=flow")
        asked = {name: value for name, value in {"sampler": sampler, **sampler_options}.items() if value is not None}
        defaults = {**self.release, **self.model.sampler}
        self.default_steps = int(defaults.pop("steps", self.default_steps))
        self.sampler = choose(self.model.sde, asked, defaults, self.model.t_eps)
        self.uses_steps = self.sampler.uses_steps
        self.batches = type(self).batches and self.sampler.per_item

    @classmethod
    def further_options(cls) -> dict[str, None]:
        """The options in ``sampler_options``, as declared by the samplers."""
        return sampler_options()

    def sample(
        self, start: Tensor, conditioning: tuple[Tensor, ...], steps: int | None, randn_like: RandnLike
    ) -> Tensor:
        """Run the reverse process from ``start``; the network's inputs are the state and ``conditioning``."""
        model = ScoreModel(self.model, start, conditioning)
        estimate: Estimate = getattr(model, self.sampler.asks_for)
        return self.sampler.sample(estimate, self.model.sde, start, steps or self.default_steps, randn_like)

    def check_objective(self, objective: Objective) -> None:
        if objective.supervised_loss == "sisdr":
            raise UserError(f"objective.supervised_loss=sisdr is of predictive methods, not of {self.name}: mse or mae")
        super().check_objective(objective)
        check_score_objective(self.model.parametrization, objective)
        end = getattr(self.sampler, "t_eps", None)
        if self.sampler.trained_t_eps and end is not None and end < self.model.t_eps:
            raise UserError(
                f"sampler.t_eps={end}: enhancement would end at a time that is not learnt; "
                f"t_eps={end} or less, or sampler.t_eps={self.model.t_eps} or more"
            )
        if (latest := objective.t_max) is not None:
            path = self.model.sde
            start = start_time(getattr(self.sampler, "start", None), path)
            if not self.model.t_eps < latest <= path.T:
                raise UserError(f"objective.t_max={latest}: a time above t_eps={self.model.t_eps}, at most {path.T}")
            if start > latest:
                raise UserError(
                    f"objective.t_max={latest}: enhancement would start at {start}, which is not learnt; "
                    f"sampler.start={latest} or less"
                )

    def provenance(self) -> dict[str, Any]:
        sampler = {"name": type(self.sampler).__name__, **asdict(self.sampler)}  # type: ignore[call-overload]
        return {**super().provenance(), "sampler": sampler, "default_steps": self.default_steps}
