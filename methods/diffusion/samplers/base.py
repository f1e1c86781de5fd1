"""What every sampler keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from methods.diffusion.paths import SDE
from methods.noise import RandnLike

Estimate = Callable[[Tensor, Tensor], Tensor]
"""(state x ``[B, C, F, T]``, time t ``[B]``) -> the score at x, or the clean speech behind it; shaped like x."""


class Sampler(ABC):
    """Settings of a reverse-time sampler; a frozen dataclass.

    Attributes:
        asks_for: what ``sample`` is given: "score", or "clean" for an estimate of the clean speech.
    """

    asks_for: ClassVar[str]

    @abstractmethod
    def sample(self, estimate: Estimate, sde: SDE, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        """Run the reverse process that starts around ``y`` in ``steps`` steps.

        Args:
            estimate: see ``asks_for``.
            y: where the process starts and drifts to in forward time, complex ``[B, C, F, T]``.
            randn_like: draws the noise.

        Returns:
            The estimate of the clean speech, shaped like ``y``.
        """
