"""What a training starts from: networks out of weights files, by the names they have there."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from methods.backbones import NCSNpp
from methods.checkpoints.systems import open_model
from methods.training.warm_start import from_fewer_inputs, from_predictive
from methods.weights import TrainedModel


def take_over(model: TrainedModel, init: str | Sequence[str] | None, warm_start: bool = False) -> list[TrainedModel]:
    """Fill ``model``'s networks with those of the same name in files; returns what was in the files.

    Args:
        init: files, ours or a reference checkpoint. Of several, the first that has a network gives it.
        warm_start: a score network that none of them has begins as a copy of their predictive one; one that
            sees fewer inputs there (``sgmse_m``'s, for ``storm``) is one that ignores the others.

    Raises:
        UserError: a file is missing, has none of the networks, or has them in another size or transform.
    """
    files = [init] if isinstance(init, str) else list(init or ())
    given = [_open(file, model, warm_start) for file in files]
    for name, network in model.networks.items():
        source = next((other for other in given if name in other.networks), None)
        if source and _complete(source.sizes[name]) != _complete(model.sizes[name]):
            from_fewer_inputs(network, source.networks[name])
        elif source:
            network.load_state_dict(source.networks[name].state_dict())
    names = {name for other in given for name in other.networks}
    warm = warm_start and "score" in model.networks and "score" not in names and "denoiser" in names
    if warm:
        denoiser = next(other.networks["denoiser"] for other in given if "denoiser" in other.networks)
        from_predictive(model.networks["score"], denoiser, zero_output=model.method == "refinement")
    for file, other in zip(files, given, strict=True):
        if not set(other.networks) & set(model.networks) and not (warm and "denoiser" in other.networks):
            raise UserError(f"init={file}: has none of the networks {', '.join(model.networks)}")
    return given


def _open(file: str, model: TrainedModel, warm_start: bool) -> TrainedModel:
    if not Path(file).is_file():
        raise UserError(f"init={file}: no such weights file; `bench train method=ncsnpp_m` makes a first one")
    given = open_model(file)
    if given.spectrogram != model.spectrogram:
        raise UserError(f"init={file}: trained on {given.spectrogram}, not {model.spectrogram}")
    for name in [name for name in model.networks if name in given.networks]:
        own, others = _complete(model.sizes[name]), _complete(given.sizes[name])
        if own != others and not (
            warm_start and own["inputs"] > others["inputs"] and {**others, "inputs": own["inputs"]} == own
        ):
            raise UserError(f"init={file}: its '{name}' network is {given.sizes[name]}, not {model.sizes[name]}")
    return given


def _complete(size: Mapping[str, Any]) -> dict[str, Any]:
    """A network's options with the defaults of those that are not named."""
    options = inspect.signature(NCSNpp).parameters
    named = {**{name: option.default for name, option in options.items()}, **size}
    return {name: list(value) if isinstance(value, Sequence) else value for name, value in named.items()}
