"""Trained networks in one safetensors file with their configuration.

The file's metadata contains, as JSON, everything needed to rebuild the model: method, sizes of the networks, path,
transform, and the method's own settings. No pickle is read or written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from bench.core.errors import UserError, did_you_mean
from bench.core.files import sha256
from methods.backbones.base import Backbone, build, describe
from methods.backbones.outline import outline
from methods.base import METHODS
from methods.diffusion.parametrization import Parametrization, ScorePrediction, parametrization_from
from methods.diffusion.paths import OUVE, path_from
from methods.diffusion.paths import Path as Process
from methods.spectrogram import Spectrogram

EMBEDDED = Path(__file__).parent / "embedded"
"""Small networks that this project trained; see the model cards beside them."""


@dataclass
class TrainedModel:
    """A method's networks and the settings they were trained with.

    Attributes:
        method: the registry name of the method they belong to.
        sizes: for each network its ``backbone`` (default "ncsnpp") and the backbone's arguments.
        networks: by their names in the method, e.g. "denoiser" (predictive) and "score".
        settings: the method's own, an instance of its class's ``Settings``; a mapping becomes one.
        spectrogram, sde, t_eps: the domain and the diffusion.
        parametrization: the quantity that the score network predicts.
        sampler: the default sampling of these weights: options of ``DiffusionMethod``, and ``steps``.
        weights: "ema", the exponential moving averages of training, or "raw".
        training: the history of the weights, for the model card.
        sha256: of the file they were read from, else "".
    """

    method: str
    sizes: dict[str, dict[str, Any]]
    networks: dict[str, Backbone] = field(default_factory=dict)
    settings: Any = field(default_factory=dict)
    spectrogram: Spectrogram = field(default_factory=Spectrogram)
    sde: Process = field(default_factory=OUVE)
    t_eps: float = 0.03
    parametrization: Parametrization = field(default_factory=ScorePrediction)
    sampler: dict[str, Any] = field(default_factory=dict)
    weights: str = "ema"
    training: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.settings, Mapping):
            self.settings = settings_of(self.method, self.settings)
        if not self.networks:
            self.networks = {name: build(size) for name, size in self.sizes.items()}
        bins = self.spectrogram.n_fft // 2 + 1
        for name, network in self.networks.items():
            if misfit := network.misfit(bins):
                told = f"n_fft={self.spectrogram.n_fft} gives {bins} frequency bins"
                raise UserError(f"{told}, but the network '{name}' {misfit}")

    @property
    def parameters(self) -> int:
        """Number of parameters of all networks."""
        return sum(p.numel() for network in self.networks.values() for p in network.parameters())

    def config(self) -> dict[str, Any]:
        """The file's metadata; the method's own settings are at the top level."""
        return {
            "method": self.method,
            "sizes": self.sizes,
            **asdict(self.settings),
            "spectrogram": asdict(self.spectrogram),
            "sde": self.sde.config(),
            "t_eps": self.t_eps,
            "parametrization": self.parametrization.config(),
            "sampler": self.sampler,
            "weights": self.weights,
            "training": self.training,
        }


SHARED = {f.name for f in fields(TrainedModel)} - {"settings", "networks", "sha256"}
"""Keys of the metadata that every method has; the others are the method's own settings."""
ONCE_SHARED = {"condition", "residue_in_stft"}
"""Keys in older files of all methods: settings of other methods, without effect there."""


def settings_of(method: str, given: Mapping[str, Any]) -> Any:
    """``method``'s own settings, an instance of its class's ``Settings``.

    Raises:
        UserError: the method is unknown or not a trained one, or a setting is invalid.
    """
    schema = getattr(METHODS.get(method), "Settings", None)
    if schema is None:
        raise UserError(f"the method '{method}' has no networks to train")
    known = [f.name for f in fields(schema)]
    if unknown := next((name for name in given if name not in known), None):
        raise did_you_mean(f"setting of the method '{method}'", unknown, known)
    return schema(**given)


def new_model(
    method: str, network: Mapping[str, Any] | None = None, own: Mapping[str, Any] | None = None, **shared: Any
) -> TrainedModel:
    """Untrained networks of the kinds that ``method`` declares; the defaults are the StoRM paper's.

    Args:
        network: the backbone and its options, for networks without their own.
        own: the method's own settings.
        shared: fields of the ``TrainedModel``.

    Raises:
        UserError: an unknown method, setting, backbone or option.
    """
    settings, kind = settings_of(method, own or {}), METHODS.get(method)
    predicts = shared.get("parametrization", ScorePrediction()).predicts
    chosen = {"width": 128, "multipliers": [1, 2, 2, 2]} if network is None else network
    needed = kind.networks(settings)  # type: ignore[attr-defined]
    sizes = {role: describe(one, chosen, predicts=predicts) for role, one in needed.items()}
    return TrainedModel(method, sizes, settings=settings, **shared)


def save(path: str | Path, model: TrainedModel, dtype: torch.dtype = torch.float32) -> None:
    """Write ``model`` to a safetensors file atomically.

    Args:
        dtype: of the weights, except integers and those that their backbone needs in full precision.

    Raises:
        UserError: it cannot be written, e.g. because the disk is full.
    """
    tensors = {
        f"{name}.{key}": (value.detach() if _as_it_is(network, key, value) else value.detach().to(dtype)).contiguous()
        for name, network in model.networks.items()
        for key, value in network.state_dict().items()
    }
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, temporary, metadata={"sebench": json.dumps(model.config())})
        temporary.chmod(0o644)
        temporary.replace(path)
    except (SafetensorError, OSError) as error:  # disk full, no permission, no such folder
        with suppress(OSError):
            temporary.unlink()
        raise UserError(f"{path}: cannot be written ({error})") from error


def _as_it_is(network: Backbone, key: str, value: torch.Tensor) -> bool:
    return key.startswith(network.precise) or not value.is_floating_point()


def load(path: str | Path) -> TrainedModel:
    """Read a model from a safetensors file of ours.

    The metadata is compared with the shapes of the weights before any network is built.

    Raises:
        UserError: the file is missing, truncated or of another project, or its weights do not fit or are NaN.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata: Mapping[str, str] = file.metadata() or {}
            names = list(file.keys())
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
            if "sebench" not in metadata:
                raise UserError(f"{path}: not written by sebench (its metadata has no 'sebench' entry)")
            model = _described(path, metadata["sebench"], shapes)
            tensors = {name: file.get_tensor(name).float() for name in names}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error})") from error
    if bad := next((name for name, value in tensors.items() if not value.isfinite().all()), None):
        raise UserError(f"{path}: the weight {bad} holds NaN or infinity")
    for role, size in model.sizes.items():
        own = {name.removeprefix(f"{role}."): value for name, value in tensors.items() if name.startswith(f"{role}.")}
        model.networks[role] = build(size)
        model.networks[role].load_state_dict(own)
    return model


def _described(path: Path, entry: str, shapes: Mapping[str, tuple[int, ...]]) -> TrainedModel:
    """The model described by a file's ``entry``, with networks on the meta device, checked against ``shapes``.

    Raises:
        UserError: the shapes differ, or the entry does not describe a model.
    """
    try:
        config = json.loads(entry)
        for key, kind in (("sizes", dict), ("sampler", dict), ("training", dict), ("t_eps", int | float)):
            if not isinstance(config.get(key, {} if kind is dict else 0.0), kind):
                raise TypeError(f"{key} is {config[key]!r:.60}")
        outlines = {role: outline(size, len(shapes)) for role, size in config["sizes"].items()}
        model = _untrained(config, sha256(path), outlines)
    except Exception as error:  # an invalid description can fail in any way
        what = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        raise UserError(
            f"{path}: its 'sebench' entry, which describes its networks, makes no sense: {what:.300}"
        ) from error
    expected = {
        f"{role}.{name}": tuple(tensor.shape)
        for role, network in outlines.items()
        for name, tensor in network.state_dict().items()
    }
    wrong = [f"{name} is missing" for name in expected if name not in shapes]
    wrong += [f"{name} is not expected" for name in shapes if name not in expected]
    wrong += [
        f"{name} has shape {list(shapes[name])} instead of {list(shape)}"
        for name, shape in expected.items()
        if shapes.get(name, shape) != shape
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise UserError(f"{path}: the weights do not fit the configuration: {', '.join(wrong[:3])}{more}")
    return model


def _untrained(config: Mapping[str, Any], sha256: str, networks: dict[str, Backbone]) -> TrainedModel:
    """The model described by a file's metadata."""
    shared = {name: value for name, value in config.items() if name in SHARED}
    shared["spectrogram"] = Spectrogram(**shared["spectrogram"])
    shared["sde"] = path_from(shared["sde"])
    shared["parametrization"] = parametrization_from(shared.get("parametrization", {}))
    known = {f.name for f in fields(getattr(METHODS.get(config["method"]), "Settings", TrainedModel))}
    own = {name: value for name, value in config.items() if name not in SHARED | (ONCE_SHARED - known)}
    return TrainedModel(**shared, settings=own, networks=networks, sha256=sha256)
