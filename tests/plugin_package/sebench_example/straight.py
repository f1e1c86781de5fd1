"""A diffusion method of its own: straight paths from noisy to clean speech, walked by Euler's method.

Everything that is the method's is here and in ``conf/method/straight.yaml``: the path, the sampler, the backbone,
the networks, the loss, the enhancement. The packaging names each in an entry point (``pyproject.toml``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.core.errors import UserError
from methods.backbones import Backbone, Network
from methods.diffusion.method import DiffusionMethod
from methods.diffusion.paths import Path, per_item
from methods.diffusion.samplers import Estimate, Sampler
from methods.diffusion.score_model import ScoreModel
from methods.losses import Losses, Objective, SpectrogramBatch, half_norm
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram


@dataclass(frozen=True)
class Straight(Path):
    """x_t = (1 - t) x0 + t y + sigma t z.

    Attributes:
        sigma: the standard deviation at t = 1.
    """

    name: ClassVar[str] = "straight"
    samplers: ClassVar[Mapping[str, str]] = {"euler": "straight_euler"}

    sigma: float = 0.1

    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return 1 - t, t

    def std(self, t: Tensor) -> Tensor:
        return self.sigma * t


@dataclass(frozen=True)
class Euler(Sampler):
    """Steps along dx/dt = (x - x0) / t, which a straight path has, with the network's estimate of x0.

    Attributes:
        last: the time at which the last step ends at the estimate itself.
    """

    asks_for: ClassVar[str] = "clean"
    paths: ClassVar[type] = Straight

    last: float = 0.0

    def sample(self, estimate: Estimate, path: Path, y: Tensor, steps: int, randn_like: RandnLike) -> Tensor:
        x = path.prior_sampling(y, randn_like)
        times = torch.linspace(1.0, self.last, steps + 1, device=y.device)
        for now, then in pairwise(times):
            clean = estimate(x, now.expand(len(y)))
            x = clean + (x - clean) * then / now
        return x


class Convolutions(Backbone):
    """Three convolutions over the real and imaginary parts, the time added as a channel.

    Args:
        channels: of the hidden layers.
    """

    stride = 1

    def __init__(self, inputs: int = 1, channels: int = 8, *, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        self.layers = nn.Sequential(
            nn.Conv2d(2 * inputs + conditional, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, 2, 3, padding=1),
        )

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        features = torch.cat((x.real, x.imag), dim=1)
        if t is not None:
            features = torch.cat((features, per_item(t).expand(len(x), 1, *x.shape[-2:])), dim=1)
        real, imaginary = self.layers(features).split(1, dim=1)
        return torch.complex(real, imaginary)


@dataclass(frozen=True)
class Settings:
    """Of the method.

    Attributes:
        channels: of its network.
        magnitudes: weight of the magnitudes' error in the loss.
    """

    channels: int = 8
    magnitudes: float = 0.5

    def __post_init__(self) -> None:
        if not self.magnitudes >= 0:
            raise UserError(f"magnitudes: a number from 0; got {self.magnitudes}")


class StraightPaths(DiffusionMethod):
    """Goes straight from the noisy speech to the clean."""

    name = "straight"
    paradigm = "generative"
    default_steps = 4
    release: ClassVar[dict[str, Any]] = {}
    Settings = Settings

    @classmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        options = {"backbone": "convolutions", "channels": settings.channels}
        return {"score": Network(inputs=2, timed=True, options=options)}

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        at = self.model.sde.perturb(batch.clean, batch.t, batch.noisy, batch.z)
        found = ScoreModel(self.model, batch.noisy, (batch.noisy,)).clean(at.x, batch.t)
        complex_error = half_norm(found - batch.clean, "mse").mean()
        magnitudes = half_norm(found.abs() - batch.clean.abs(), "mse").mean()
        total = complex_error + self.model.settings.magnitudes * magnitudes
        return Losses(total, {"complex": complex_error, "magnitudes": magnitudes})

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        return EnhancedSpectrogram(self.sample(noisy, (noisy,), steps, randn_like))
