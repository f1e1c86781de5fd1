"""The interface of probability paths from clean to noisy speech, and their registry.

Symbols as in the StoRM paper (Lemercier et al. 2023, Sec. II-B): state x, clean x0, noisy y, time t in
(0, 1]; all tensors complex ``[B, C, F, T]``, t ``[B]``. Complex Gaussian noise has unit total variance,
half in each of the real and imaginary part.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.core.errors import UserError
from bench.core.registry import Registry
from methods.noise import RandnLike

ReadNumber = Callable[[str, Any, float, float], float]
"""(name, default, least, most) -> a checkpoint's hyper-parameter; a default of ``MISSING``: it must be there."""


def per_item(values: Tensor) -> Tensor:
    """``[B]`` -> ``[B, 1, 1, 1]``."""
    return values[:, None, None, None]


@dataclass(frozen=True)
class Perturbed:
    """A point of a path: the state x_t = mean + std z, and the quantities it was computed from.

    Attributes:
        x, mean, clean, start, z: ``[B, C, F, T]``; ``start`` is y, where the reverse process starts.
        a: x0's weight in the mean, ``[B, 1, 1, 1]``.
        std: ``[B, 1, 1, 1]``.
        t: ``[B]``.
    """

    x: Tensor
    t: Tensor
    mean: Tensor
    a: Tensor
    std: Tensor
    clean: Tensor
    start: Tensor
    z: Tensor


class Path(ABC):
    """Gaussian marginals p(x_t | x0, y) with mean a(t) x0 + b(t) y and standard deviation sigma(t).

    A frozen dataclass, whose fields are its parameters.

    Attributes:
        name: in the registry, configurations and weights files.
        samplers: this path's samplers: the names in options and weights files, mapped to the names in ``SAMPLERS``;
            the first is the default. Any other sampler that supports the path can be used too.
        straight: whether x_t goes from x0 with a constant velocity, (x_t - x0) / t.
        checkpoint_names: what reference checkpoints call this path; none: it is not read from them.
        checkpoint_predicts: what networks in them predict, by the name of the parametrization.
        checkpoint_bounds: least and most of its parameters in checkpoints.
        checkpoint_sampler: options of the sampler by which its project's script differs for this path.
    """

    name: ClassVar[str]
    samplers: ClassVar[Mapping[str, str]]
    straight: ClassVar[bool] = False
    checkpoint_names: ClassVar[tuple[str, ...]] = ()
    checkpoint_predicts: ClassVar[str] = "score"
    checkpoint_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}
    checkpoint_sampler: ClassVar[Mapping[str, Any]] = {}

    @property
    def T(self) -> float:  # the papers' symbol
        """The largest time: of the training, and where the reverse process starts by default."""
        return 1.0

    @abstractmethod
    def mean_weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b), each ``[B]``: the perturbation kernel's mean is a x0 + b y."""

    @abstractmethod
    def std(self, t: Tensor) -> Tensor:
        """Standard deviation sigma(t) of the perturbation kernel, ``[B]``."""

    def mean(self, x0: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Mean of the perturbation kernel, shaped like x0."""
        a, b = self.mean_weights(t)
        return per_item(a) * x0 + per_item(b) * y

    def clean(self, mean: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """The x0 whose perturbation kernel has this ``mean``."""
        a, b = self.mean_weights(t)
        return (mean - per_item(b) * y) / per_item(a)

    def marginal_prob(self, x0: Tensor, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(mean, std) of x_t given x0 and y."""
        return self.mean(x0, t, y), self.std(t)

    def perturb(self, x0: Tensor, t: Tensor, y: Tensor, z: Tensor) -> Perturbed:
        """The state at time t with the noise z."""
        mean, std = self.marginal_prob(x0, t, y)
        a, std = per_item(self.mean_weights(t)[0]), per_item(std)
        return Perturbed(mean + std * z, t, mean, a, std, x0, y, z)

    def prior_sampling(self, y: Tensor, randn_like: RandnLike, start: float | None = None) -> Tensor:
        """x_t = y + sigma(t) z at the time ``start`` (None: T), where the reverse process starts."""
        t = torch.full((y.shape[0],), self.T if start is None else start, dtype=torch.float32, device=y.device)
        return y + randn_like(y) * per_item(self.std(t))

    @classmethod
    def read_checkpoint(cls, sde: str, number: ReadNumber) -> dict[str, float]:
        """The parameters in a checkpoint that calls this path ``sde``, one of ``checkpoint_names``."""
        known: Any = fields(cls)  # type: ignore[arg-type]
        return {one.name: number(one.name, one.default, *cls.checkpoint_bounds[one.name]) for one in known}

    def config(self) -> dict[str, Any]:
        """The mapping from which ``path_from`` builds an equal path."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


class SDE(Path):
    """A diffusion dx = f(x, t, y) dt + g(t) dw with these marginals."""

    samplers: ClassVar[Mapping[str, str]] = {"pc": "pc", "ode": "ode"}

    @abstractmethod
    def drift(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """f(x, t, y), shaped like x."""

    @abstractmethod
    def diffusion(self, t: Tensor) -> Tensor:
        """g(t), ``[B]``."""


PATHS: Registry[Path] = Registry(
    "sde",
    "sebench.paths",
    {
        "bbed": "methods.diffusion.paths.brownian_bridge:BBED",
        "flow": "methods.diffusion.paths.flow_matching:StraightFlow",
        "ouve": "methods.diffusion.paths.ornstein_uhlenbeck:OUVE",
        "ouvp": "methods.diffusion.paths.ornstein_uhlenbeck:OUVP",
        "sbve": "methods.diffusion.paths.schroedinger_bridge:SBVE",
    },
)


def path_from(config: Mapping[str, Any]) -> Path:
    """The path described by ``config``: its ``name`` (default "ouve") and its parameters.

    Raises:
        UserError: a name or parameter is unknown, missing, or not a number.
    """
    parameters = dict(config)
    name = parameters.pop("name", "ouve")
    kind: Any = PATHS.get(name)
    for known in fields(kind):
        value = parameters.get(known.name, 0.0)
        if known.type in ("float", float) and not (isinstance(value, int | float) and math.isfinite(value)):
            raise UserError(f"{known.name}: a number; got {value!r:.60}")
    return PATHS.create(name, **parameters)
