"""The interface of samplers, and their registry."""

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
"""(state x ``[B, C, F, T]``, time t ``[B]``) -> the quantity that a sampler needs from the network, shaped like x."""


class Sampler(ABC):
    """Settings of a sampler that runs from noisy speech back to clean; a frozen dataclass.

    Attributes:
        asks_for: the method of ``ScoreModel`` that ``sample`` gets: "score", "clean" for an estimate of the clean
            speech, or "output" for the quantity that the network predicts.
        paths: the class of paths that it supports.
        trained_t_eps: whether the default of its option ``t_eps`` is the smallest time of the weights' training.
        uses_steps: whether the number of steps determines the discretisation.
        per_item: whether every item of a batch goes its own way, whatever the others are; only then are clips sampled
            together.
    """

    asks_for: ClassVar[str]
    paths: ClassVar[type] = Path
    trained_t_eps: ClassVar[bool] = True
    uses_steps: ClassVar[bool] = True

    @property
    def per_item(self) -> bool:
        return False

    @abstractmethod
    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        """Run the reverse process from the prior around ``y`` in ``steps`` steps.

        Args:
            estimate: see ``asks_for``.
            y: the mean of the prior, to which the forward process drifts, complex ``[B, C, F, T]``.
            randn_like: draws the noise.

        Returns:
            The estimate of the clean speech, shaped like ``y``.

        Raises:
            UserError: the path is not supported.
        """

    def check(self, path: Path) -> None:
        """Check that it can run along ``path`` with its options.

        Raises:
            UserError: it cannot; the message names the path, or the option.
        """
        if not isinstance(path, self.paths):
            raise unsuited(self, path)


def unsuited(sampler: Sampler, path: Path) -> UserError:
    """The error that ``sampler`` does not support ``path``."""
    return UserError(f"{type(sampler).__name__} cannot run along the SDE {path.name}")


def start_time(start: float | None, path: Path) -> float:
    """Where the reverse process starts: ``start``, or the path's T."""
    return path.T if start is None else start


def check_start(start: float | None, t_eps: float, path: Path) -> None:
    """Check the option ``start`` of a sampler.

    Raises:
        UserError: it is not a time of ``path`` above ``t_eps``.
    """
    if not t_eps < start_time(start, path) <= path.T:
        raise UserError(f"start={start}: for the SDE {path.name} a time above t_eps={t_eps:g}, at most T={path.T:g}")


SAMPLERS: Registry[Sampler] = Registry(
    "sampler",
    "sebench.samplers",
    {
        "pc": "methods.diffusion.samplers.predictor_corrector:PredictorCorrector",
        "ode": "methods.diffusion.samplers.ode:ProbabilityFlow",
        "flow_euler": "methods.diffusion.samplers.flow:FlowEuler",
        "bridge_ode": "methods.diffusion.samplers.bridge:BridgeODE",
        "bridge_sde": "methods.diffusion.samplers.bridge:BridgeSDE",
    },
)
