"""A model from any file of weights: StoRM's and SGMSE's checkpoints, SIPS's, and our own safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import sha256
from methods.backbones import NCSNpp
from methods.backbones.base import Backbone, build
from methods.backbones.convert import from_reference, renamed
from methods.backbones.outline import outline
from methods.base import METHODS
from methods.checkpoints import sips
from methods.checkpoints.architecture import Sizes
from methods.checkpoints.configuration import Configuration, configure, refusal
from methods.checkpoints.diffusion import PRIORS
from methods.checkpoints.lightning import Checkpoint, Weights, check_bytes, check_kind, checkpoint_in
from methods.checkpoints.unpickling import read
from methods.weights import TrainedModel, load


def open_model(path: str | Path, weights: str | None = None) -> TrainedModel:
    """Read the networks and settings in a file.

    Args:
        weights: "ema" or "raw", for a file with both; None for the averages where there are any.

    Raises:
        UserError: missing, damaged, another project's, or without such weights.
    """
    check_kind(weights)
    path = Path(path)
    if is_safetensors(path):
        model = load(path)
    elif prior := sips.weights_of(content := read(path)):
        model = from_sips(path, prior)
    else:
        return from_reference_checkpoint(checkpoint_in(path, content), weights)
    if weights not in (None, model.weights):
        raise UserError(f"{path}: holds the '{model.weights}' weights only, not '{weights}'")
    return model


def from_reference_checkpoint(checkpoint: Checkpoint, weights: str | None = None) -> TrainedModel:
    """The model in a checkpoint of StoRM or SGMSE, to be sampled as its project's script does.

    Raises:
        UserError: weights that are missing, left over or NaN, or a network or setting that is not known here.
    """
    told = configure(checkpoint)
    if refused := refusal(checkpoint, told.settings):
        raise refused
    method, roles = _roles(checkpoint, told)
    kind, states = checkpoint.weights(weights)
    networks: dict[str, Backbone] = {
        role: _network(checkpoint.path, told.networks[prefix], prefix, states[prefix]) for role, prefix in roles.items()
    }
    return TrainedModel(
        method,
        {role: told.networks[prefix] for role, prefix in roles.items()},
        networks,
        settings=_settings(method, told, roles),
        spectrogram=told.spectrogram,
        sde=told.sde,
        t_eps=told.t_eps,
        parametrization=told.parametrization,
        sampler=told.sampler if "score" in roles else {},
        weights=kind,
        training={"project": told.fork, **checkpoint.about, "hyper_parameters": checkpoint.hyper_parameters},
        sha256=sha256(checkpoint.path),
    )


def reference_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in a file of StoRM or SGMSE; None if it is one of SIPS.

    Raises:
        UserError: it can be read as neither.
    """
    content = read(path)
    return None if sips.weights_of(content) else checkpoint_in(path, content)


def from_sips(path: Path, weights: Weights) -> TrainedModel:
    """The prior in a file of SIPS, to be sampled as its project's script does.

    Raises:
        UserError: as ``from_reference_checkpoint``.
    """
    check_bytes(path, weights.values())
    settings = sips.settings_beside(path)
    spectrogram = sips.spectrogram(settings)
    if refused := list(settings.refused.values()):
        raise UserError(f"{path}: {'; '.join(refused)}")
    size = {"backbone": "edm2", **sips.sizes(path, weights)}
    own = {key: value for key, value in size.items() if key not in ("backbone", "inputs", "conditional")}
    return TrainedModel(
        "sips",
        {"prior": size},
        {"prior": _network(path, size, "unet", weights)},
        settings={"size": own},
        spectrogram=spectrogram,
        sampler=dict(sips.SAMPLER),
        training={"project": "SIPS", "hyper_parameters": settings.values},
        sha256=sha256(path),
    )


def _network(path: Path, size: Sizes, prefix: str, weights: Weights) -> Backbone:
    """The network of this ``size`` with ``weights`` in it."""
    if bad := next((key for key, tensor in weights.items() if not tensor.isfinite().all()), None):
        raise UserError(f"{path}: the weight {prefix}.{bad} holds NaN or infinity")
    try:
        blank = outline(size, len(weights))
        fitting = from_reference(weights, blank) if isinstance(blank, NCSNpp) else renamed(weights, blank)
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(f"{path}: its network '{prefix}' does not fit: {error}") from error
    network = build(size)
    network.load_state_dict(fitting)
    return network


def _roles(checkpoint: Checkpoint, told: Configuration) -> tuple[str, dict[str, str]]:
    """The method, and which network is which: {"denoiser" or "score": prefix}."""
    match sorted(told.networks):
        case ["denoiser_net", "score_net"]:
            method = "refinement" if told.refines else "storm"
            return method, {"denoiser": "denoiser_net", "score": "score_net"}
        case ["dnn" | "denoiser_net" as prefix] if not told.networks[prefix]["conditional"]:
            return PREDICTIVE.get(told.networks[prefix].get("backbone", ""), "ncsnpp_m"), {"denoiser": prefix}
        case ["dnn"] if told.fork in PRIORS:
            return "udiffse", {"score": "dnn"}
        case ["dnn"]:
            return SECOND_STAGES.get(told.fork, "sgmse_m"), {"score": "dnn"}
    there = ", ".join(sorted(told.networks))
    raise UserError(f"{checkpoint.path}: its networks, {there}, make up no method that is here")


PREDICTIVE = {"convtasnet": "convtasnet", "gagnet": "gagnet"}
"""The methods of predictive networks with a backbone of their own."""
SECOND_STAGES = {"CRP": "crp"}
"""The methods of projects that train a score network further."""


def _settings(method: str, told: Configuration, roles: Mapping[str, str]) -> Any:
    """The method's own settings: those of its network's size, or those that the file has."""
    kind: Any = METHODS.get(method)
    if roles.keys() == {"denoiser"}:
        return kind.settings_of(told.networks[roles["denoiser"]])
    return {field.name: getattr(told, field.name) for field in fields(kind.Settings) if hasattr(told, field.name)}


def is_safetensors(path: Path) -> bool:
    """Whether the file is one, or is called so: eight bytes of length, then JSON."""
    if path.suffix == ".safetensors" or not path.is_file():
        return path.suffix == ".safetensors"
    try:
        with path.open("rb") as file:
            return file.read(9)[8:] == b"{"
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
