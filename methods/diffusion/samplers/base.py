"""What every sampler keeps, and the registry of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from bench.core.errors import UserError
from bench.core.registry import Registry
from methods.diffusion.paths import Path
from methods.noise import RandnLike

Estimate = Callable[[Tensor, Tensor], Tensor]
"""(state x ``[B, C, F, T]``, time t ``[B]``) -> what a sampler asks the network for, shaped like x."""


class Sampler(ABC):
    """Settings of a sampler that runs from noisy speech back to clean; a frozen dataclass.

    Attributes:
        asks_for: what ``sample`` is given: a method of ``ScoreModel``, "score", "clean" for an estimate of
            the clean speech, or "output" for what the parametrization says the network predicts.
        paths: the kind of path that it can run along.
        trained_t_eps: whether it goes down to the time that the weights were trained to, where it has an option
            ``t_eps`` and nothing else is asked for.
        uses_steps: whether the number of steps decides how the process is discretised.
    """

    asks_for: ClassVar[str]
    paths: ClassVar[type] = Path
    trained_t_eps: ClassVar[bool] = True
    uses_steps: ClassVar[bool] = True

    @abstractmethod
    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        """Run the reverse process that starts around ``y`` in ``steps`` steps.

        Args:
            estimate: see ``asks_for``.
            y: where the process starts and drifts to in forward time, complex ``[B, C, F, T]``.
            randn_like: draws the noise.

        Returns:
            The estimate of the clean speech, shaped like ``y``.

        Raises:
            UserError: it cannot run along this path.
        """


def unsuited(sampler: Sampler, path: Path) -> UserError:
    """That ``sampler`` cannot run along ``path``."""
    return UserError(f"{type(sampler).__name__} cannot run along the SDE {path.name}")


SAMPLERS: Registry[Sampler] = Registry(
    "sampler",
    "sebench.samplers",
    {
        "pc": "methods.diffusion.samplers.predictor_corrector:PredictorCorrector",
        "ode": "methods.diffusion.samplers.ode:ProbabilityFlow",
        "bridge_ode": "methods.diffusion.samplers.bridge:BridgeODE",
        "bridge_sde": "methods.diffusion.samplers.bridge:BridgeSDE",
    },
)
