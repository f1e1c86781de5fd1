"""The untrained networks of a training, from the keys ``method`` and ``network`` of its configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from bench.core.errors import UserError
from methods.backbones import Backbone
from methods.base import METHODS
from methods.diffusion.parametrization import parametrization_from
from methods.diffusion.paths import path_from
from methods.losses import Objective
from methods.spectrogram import Spectrogram
from methods.trained import TrainedMethod
from methods.weights import TrainedModel, new_model

SHARED: dict[str, Callable[[Any], Any]] = {
    "spectrogram": lambda given: Spectrogram(**given),
    "sde": path_from,
    "t_eps": float,
    "parametrization": parametrization_from,
    "sampler": lambda given: {key: value for key, value in given.items() if value is not None},
}
"""Keys of ``method`` that every trained method may have beside ``name`` and ``objective``, and what they become."""


def untrained(config: Mapping[str, Any]) -> TrainedModel:
    """Fresh networks as a training is configured.

    Raises:
        UserError: a key of ``method`` or ``network`` is unknown or makes no sense; it is named.
    """
    method = {key: value for key, value in config["method"].items() if key != "objective"}
    name, shared = method.pop("name"), {}
    for key, make in SHARED.items():
        if key in method:
            with _named(f"method.{key}"):
                shared[key] = make(method.pop(key))
    with _named("method"):
        return new_model(name, config["network"], method, **shared)


def check_method(config: Mapping[str, Any]) -> None:
    """That the networks can be built and trained as configured; computes nothing.

    Raises:
        UserError: as ``untrained``; or an objective, a sampler, or crops that do not suit the method.
    """
    with torch.device("meta"):
        model = untrained(config)
    with _named("method.objective"):
        objective = Objective(**config["method"]["objective"])
    with _named("method"):
        method: Any = METHODS.create(model.method, checkpoint=model, device="meta")
        assert isinstance(method, TrainedMethod)
        method.check_objective(objective)
    for role, network in model.networks.items():
        assert isinstance(network, Backbone)
        if config["frames"] % network.stride:
            raise UserError(f"frames: the network '{role}' needs a multiple of {network.stride}")


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Mistakes in what is made of ``key`` name it, or the key in it that they name."""
    try:
        yield
    except (UserError, TypeError, ValueError) as error:
        within = re.match(r"[\w.]+[:=]", str(error))
        raise UserError(f"{key}{'.' if within else ': '}{error}") from error
