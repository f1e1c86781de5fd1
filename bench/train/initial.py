"""What a training starts from: networks out of weights files, by the names they have there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.core.errors import UserError
from methods.backbones.base import complete
from methods.base import METHODS
from methods.catalogue.fetch import local_copy
from methods.checkpoints.systems import open_model
from methods.weights import TrainedModel


def take_over(model: TrainedModel, init: str | Sequence[str] | None, warm_start: bool = False) -> list[TrainedModel]:
    """Fill ``model``'s networks with those of the same name in files; returns what was in the files.

    Args:
        init: files, ours or a reference checkpoint. Of several, the first that has a network gives it.
        warm_start: a score network that none of them has begins as a copy of their predictive one; one that
            has fewer inputs there (``sgmse_m``'s, for ``storm``) is one that ignores the others.

    Raises:
        UserError: a file is missing, has none of the networks, or has them in another size or transform.
    """
    kind: Any = METHODS.get(model.method)
    files = [init] if isinstance(init, str) else list(init or ())
    given = [_open(file, model, warm_start) for file in files]
    for name, network in model.networks.items():
        source = _first(given, name)
        if source and complete(source.sizes[name]) != complete(model.sizes[name]):
            network.begin_with_fewer_inputs(source.networks[name])
        elif source:
            network.load_state_dict(source.networks[name].state_dict())
    used = set(model.networks)
    for name, source_name in kind.warm_starts.items() if warm_start else ():
        source = _first(given, source_name)
        if source and _first(given, name) is None:
            model.networks[name].begin_as(source.networks[source_name], zero_output=kind.generates_residue)
            used.add(source_name)
    for file, other in zip(files, given, strict=True):
        if not used & set(other.networks):
            raise UserError(f"init={file}: has none of the networks {', '.join(model.networks)}")
    return given


def _first(given: Sequence[TrainedModel], name: str) -> TrainedModel | None:
    """The first model that has a network called so."""
    return next((model for model in given if name in model.networks), None)


def _open(file: str, model: TrainedModel, warm_start: bool) -> TrainedModel:
    path = local_copy(file)
    if not path.is_file():
        raise UserError(f"init={file}: no such weights file; `bench train method=ncsnpp_m` makes a first one")
    given = open_model(path)
    if given.spectrogram != model.spectrogram:
        raise UserError(f"init={file}: trained on {given.spectrogram}, not {model.spectrogram}")
    for name in [name for name in model.networks if name in given.networks]:
        own, others = complete(model.sizes[name]), complete(given.sizes[name])
        if own != others and not (
            warm_start and own["inputs"] > others["inputs"] and {**others, "inputs": own["inputs"]} == own
        ):
            raise UserError(f"init={file}: its '{name}' network is {given.sizes[name]}, not {model.sizes[name]}")
    return given
