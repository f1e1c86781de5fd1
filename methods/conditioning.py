"""The conditioning of a two-stage method's score network (Sec. III-C of the StoRM paper)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.core.errors import UserError

CONDITIONS = {"noisy": 2, "post_denoiser": 2, "both": 3}
"""The conditionings, with the number of complex inputs of the score network, including the state."""


@dataclass(frozen=True)
class Conditioned:
    """Settings of a method whose score network is conditioned.

    Attributes:
        condition: "noisy", "post_denoiser" (the estimate) or "both".
        predictor: the predictive network's ``backbone`` and its options, where they are not the score network's.
    """

    condition: str = "both"
    predictor: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise UserError(f"condition: one of {', '.join(CONDITIONS)}; got '{self.condition}'")
        if self.predictor is not None and "backbone" not in self.predictor:
            raise UserError(f"predictor: a mapping with a backbone, or null; got {self.predictor}")


def conditioning(condition: str, noisy: Tensor, estimate: Tensor) -> tuple[Tensor, ...]:
    """The spectrograms that ``condition`` denotes, in the order of the network's inputs."""
    return {"noisy": (noisy,), "post_denoiser": (estimate,), "both": (noisy, estimate)}[condition]
