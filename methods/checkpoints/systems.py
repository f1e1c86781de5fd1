"""A model from any file of weights: StoRM's and SGMSE's checkpoints, and our own safetensors."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.core.errors import UserError, did_you_mean
from methods.backbones import NCSNpp
from methods.backbones.convert import from_reference
from methods.base import METHODS
from methods.checkpoints import configuration
from methods.checkpoints.architecture import sizes as sizes_of
from methods.checkpoints.lightning import Checkpoint, Weights, open_checkpoint, sha256
from methods.conditioning import CONDITIONS
from methods.weights import TrainedModel, load


def open_model(path: str | Path, weights: str | None = None) -> TrainedModel:
    """Read the networks and settings in a file.

    Args:
        weights: "ema" or "raw", for a file with both; None for the averages where there are any.

    Raises:
        UserError: missing, damaged, another project's, or without such weights.
    """
    if weights not in (None, "ema", "raw"):
        raise did_you_mean("kind of weights", weights, ("ema", "raw"))
    path = Path(path)
    if not is_safetensors(path):
        return from_reference_checkpoint(open_checkpoint(path), weights)
    model = load(path)
    if weights not in (None, model.weights):
        raise UserError(f"{path}: holds the '{model.weights}' weights only, not '{weights}'")
    return model


def from_reference_checkpoint(checkpoint: Checkpoint, weights: str | None = None) -> TrainedModel:
    """The model in a checkpoint of StoRM or SGMSE, to be sampled as its project's script does.

    Raises:
        UserError: weights that are missing, left over or NaN, or a network or setting that is not known here.
    """
    configuration.check(checkpoint)
    kind, states = checkpoint.weights(weights)
    networks = {prefix: _network(checkpoint, prefix, state) for prefix, state in states.items()}
    method, roles = _roles(checkpoint, networks)
    sizes = {role: networks[prefix][0] for role, prefix in roles.items()}
    own = _settings(checkpoint, method, sizes)
    settings, project = checkpoint.hyper_parameters, configuration.project(checkpoint)
    try:
        return TrainedModel(
            method,
            sizes,
            {role: networks[prefix][1] for role, prefix in roles.items()},
            settings=own,
            spectrogram=configuration.spectrogram(settings),
            sde=configuration.sde(settings),
            t_eps=float(settings.get("t_eps", 0.03)),
            parametrization=configuration.parametrization(settings),
            sampler=configuration.sampler(checkpoint) if "score" in roles else {},
            weights=kind,
            training={"project": project, **checkpoint.about, "hyper_parameters": _plain(settings)},
            sha256=sha256(checkpoint.path),
        )
    except (TypeError, ValueError, UserError) as error:
        raise UserError(f"{checkpoint.path}: its hyper-parameters make no sense: {error}") from error


def _network(checkpoint: Checkpoint, prefix: str, weights: Weights) -> tuple[dict[str, Any], NCSNpp]:
    """A network's sizes, and itself with ``weights`` in it."""
    if bad := next((key for key, tensor in weights.items() if not tensor.isfinite().all()), None):
        raise UserError(f"{checkpoint.path}: the weight {prefix}.{bad} holds NaN or infinity")
    try:
        size = {**sizes_of(weights), **configuration.network_options(checkpoint)}
        network = NCSNpp(**size)
        network.load_state_dict(from_reference(weights, network))
    except ValueError as error:
        raise UserError(f"{checkpoint.path}: its network '{prefix}' does not fit: {error}") from error
    return size, network


def _roles(checkpoint: Checkpoint, networks: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The method, and which network is which: {"denoiser" or "score": prefix}."""
    match sorted(networks):
        case ["denoiser_net", "score_net"]:
            refines = str(checkpoint.hyper_parameters.get("mode", "")).startswith("refine")
            return "refinement" if refines else "storm", {"denoiser": "denoiser_net", "score": "score_net"}
        case ["dnn" | "denoiser_net" as prefix] if not networks[prefix][0]["conditional"]:
            return "ncsnpp_m", {"denoiser": prefix}
        case ["dnn"]:
            return "sgmse_m", {"score": "dnn"}
    raise UserError(f"{checkpoint.path}: its networks, {', '.join(sorted(networks))}, make up no method that is here")


def _settings(checkpoint: Checkpoint, method: str, sizes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The method's own settings; the score network's number of inputs must agree with its conditioning."""
    given = checkpoint.hyper_parameters
    own = {name: given[name] for name in _own(method) if name in given}
    if "score" in sizes:
        inputs = sizes["score"]["inputs"]
        default = "noisy" if "denoiser" not in sizes else "both" if inputs == 3 else "post_denoiser"
        condition = str(given.get("condition", default))
        if CONDITIONS.get(condition) != inputs:
            raise UserError(
                f"{checkpoint.path}: its score network takes {inputs} spectrograms, not condition={condition}"
            )
        if "condition" in _own(method):
            own["condition"] = condition
    return own


def _own(method: str) -> set[str]:
    """The names of a method's own settings, which the reference has the same names for."""
    return {field.name for field in fields(METHODS.get(method).Settings)}  # type: ignore[attr-defined]


def is_safetensors(path: Path) -> bool:
    """Whether the file is one, or is called so: eight bytes of length, then JSON."""
    if path.suffix == ".safetensors" or not path.is_file():
        return path.suffix == ".safetensors"
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _plain(settings: configuration.Settings) -> dict[str, Any]:
    """The hyper-parameters as they can be kept in a file's metadata."""
    kept: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return kept
