"""What a two-stage method's score network is conditioned on beside the state (Sec. III-C of the StoRM paper)."""

from __future__ import annotations

from torch import Tensor

CONDITIONS = {"noisy": 2, "post_denoiser": 2, "both": 3}
"""The conditionings, and the number of complex inputs of a score network with each, the state among them."""


def conditioning(condition: str, noisy: Tensor, estimate: Tensor) -> tuple[Tensor, ...]:
    """The spectrograms that ``condition`` names, in the order of the network's inputs."""
    return {"noisy": (noisy,), "post_denoiser": (estimate,), "both": (noisy, estimate)}[condition]
