"""The straight path of flow matching, from clean to noisy speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.paths.base import Path, ReadNumber


@dataclass(frozen=True)
class StraightFlow(Path):
    """Conditional flow matching: Lee, Cheong, Han, Shin 2025, "FlowSE: Flow Matching-based Speech Enhancement".

    x_t = (1 - t) x0 + t y + sigma_max t z, a straight line from clean speech to noisy speech with noise, along which
    the velocity dx/dt = (y - x0) + sigma_max z = (x_t - x0) / t is constant.

    Follows the released code: sigma_min = 0, sigma_max = 0.487.

    Attributes:
        sigma_max: the standard deviation at t = 1.
    """

    name: ClassVar[str] = "flow"
    straight: ClassVar[bool] = True
    samplers: ClassVar[Mapping[str, str]] = {"euler": "flow_euler"}
    checkpoint_names: ClassVar[tuple[str, ...]] = ("flowmatching",)
    checkpoint_predicts: ClassVar[str] = "velocity"
    checkpoint_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma_max": (0, 1e3), "sigma_min": (0, 0)}
    checkpoint_sampler: ClassVar[Mapping[str, Any]] = {"sampler": "euler", "steps": 5}

    sigma_max: float = 0.487

    def __post_init__(self) -> None:
        if not self.sigma_max >= 0:
            raise UserError(f"sigma_max: a number from 0; got {self.sigma_max}")

    @classmethod
    def read_checkpoint(cls, sde: str, number: ReadNumber) -> dict[str, float]:
        """The release has a ``sigma_min`` too, which must be 0 as it is by default there."""
        number("sigma_min", 0.0, *cls.checkpoint_bounds["sigma_min"])
        return super().read_checkpoint(sde, number)

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return 1 - t, t

    def std(self, t: Tensor) -> Tensor:
        return self.sigma_max * t
