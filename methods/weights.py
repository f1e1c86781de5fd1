"""Trained networks in one safetensors file with the configuration that makes sense of them.

The file's metadata holds, as JSON, everything needed to rebuild the model: which method, networks'
sizes, conditioning, SDE, transform. No pickle is read or written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from bench.core.errors import UserError
from methods.backbones import NCSNpp
from methods.conditioning import CONDITIONS
from methods.diffusion.parametrization import Parametrization
from methods.diffusion.paths import OUVE, SDE, sde_from
from methods.spectrogram import Spectrogram

EMBEDDED = Path(__file__).parent / "embedded"
"""Small networks that this project trained; see the model cards beside them."""


@dataclass
class TrainedModel:
    """A method's networks and the settings they were trained with.

    Attributes:
        method: the registry name of the method they belong to.
        networks: "denoiser" (the predictive network) and/or "score".
        sizes: keyword arguments of ``NCSNpp`` for each network.
        condition: the score network's conditioning: "noisy", "post_denoiser" or "both".
        spectrogram, sde, t_eps: the domain and the diffusion.
        residue_in_stft: whether ``refinement`` takes its residue before the compression.
        parametrization: what the score network's output stands for.
        sampler: what these weights are run with unless told otherwise: options of ``DiffusionMethod``
            and ``steps``.
        weights: which of training's two sets these are: "ema", the exponential moving averages, or "raw".
        training: how the weights came to be, for the model card.
        sha256: of the file they were read from, else "".
    """

    method: str
    sizes: dict[str, dict[str, Any]]
    networks: dict[str, NCSNpp] = field(default_factory=dict)
    condition: str = "noisy"
    spectrogram: Spectrogram = field(default_factory=Spectrogram)
    sde: SDE = field(default_factory=OUVE)
    t_eps: float = 0.03
    residue_in_stft: bool = False
    parametrization: Parametrization = field(default_factory=Parametrization)
    sampler: dict[str, Any] = field(default_factory=dict)
    weights: str = "ema"
    training: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise UserError(f"condition must be one of {', '.join(CONDITIONS)}, got '{self.condition}'")
        if not self.networks:
            self.networks = {name: NCSNpp(**size) for name, size in self.sizes.items()}

    @property
    def parameters(self) -> int:
        """Number of parameters of all networks."""
        return sum(p.numel() for network in self.networks.values() for p in network.parameters())

    def config(self) -> dict[str, Any]:
        """What the file's metadata holds."""
        return {
            "method": self.method,
            "sizes": self.sizes,
            "condition": self.condition,
            "spectrogram": asdict(self.spectrogram),
            "sde": self.sde.config(),
            "t_eps": self.t_eps,
            "residue_in_stft": self.residue_in_stft,
            "parametrization": asdict(self.parametrization),
            "sampler": self.sampler,
            "weights": self.weights,
            "training": self.training,
        }


def new_model(
    method: str,
    width: int = 128,
    multipliers: tuple[int, ...] = (1, 2, 2, 2),
    condition: str = "both",
    architecture: Mapping[str, Any] | None = None,
    **settings: Any,
) -> TrainedModel:
    """Untrained networks of the right kinds for ``method``; the defaults are the StoRM paper's.

    Args:
        architecture: further options of ``NCSNpp``. Without ``scale_by_time``, a score network is divided
            by t where it predicts a score, since only that grows towards t = 0.
        settings: of the ``TrainedModel``.
    """
    own = _not_default(architecture or {})
    scaled = own.pop("scale_by_time", None)
    if scaled is None:
        scaled = settings.get("parametrization", Parametrization()).predicts == "score"
    size: dict[str, Any] = {"width": width, "multipliers": list(multipliers), **own}
    denoiser = {**size, "inputs": 1, "conditional": False}
    score = size if scaled else {**size, "scale_by_time": False}
    if method == "ncsnpp_m":
        sizes, condition = {"denoiser": denoiser}, "noisy"
    elif method == "sgmse_m":
        sizes, condition = {"score": {**score, "inputs": 2}}, "noisy"
    else:
        sizes = {"denoiser": denoiser, "score": {**score, "inputs": CONDITIONS.get(condition, 2)}}
    return TrainedModel(method, sizes, condition=condition, **settings)


def _not_default(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """What of it differs from ``NCSNpp``'s defaults, so that equal networks are described alike."""
    defaults = {name: parameter.default for name, parameter in signature(NCSNpp).parameters.items()}
    given = {name: list(value) if isinstance(value, Sequence) else value for name, value in architecture.items()}
    return {
        name: value
        for name, value in given.items()
        if name == "scale_by_time"
        or value != (list(defaults[name]) if isinstance(defaults[name], tuple) else defaults[name])
    }


def save(path: str | Path, model: TrainedModel, dtype: torch.dtype = torch.float32) -> None:
    """Write ``model`` to a safetensors file, whole or not at all.

    Fourier frequencies stay float32: their angles reach 10^3 rad, where float16 is another embedding.
    """
    tensors = {
        f"{name}.{key}": value.detach().to(torch.float32 if key.startswith("fourier") else dtype).contiguous()
        for name, network in model.networks.items()
        for key, value in network.state_dict().items()
    }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    save_file(tensors, temporary, metadata={"sebench": json.dumps(model.config())})
    temporary.chmod(0o644)
    temporary.replace(path)


def load(path: str | Path) -> TrainedModel:
    """Read a model from a safetensors file of ours.

    Raises:
        UserError: missing, truncated, another project's file, or weights that do not fit or are NaN.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata: Mapping[str, str] = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error})") from error
    if "sebench" not in metadata:
        raise UserError(f"{path}: not written by sebench (its metadata has no 'sebench' entry)")
    config = json.loads(metadata["sebench"])
    config["spectrogram"] = Spectrogram(**config["spectrogram"])
    config["sde"] = sde_from(config["sde"])
    config["parametrization"] = Parametrization(**config.get("parametrization", {}))
    model = TrainedModel(**config, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    for name, network in model.networks.items():
        state = {
            key.removeprefix(f"{name}."): value.float() for key, value in tensors.items() if key.startswith(f"{name}.")
        }
        if bad := next((key for key, value in state.items() if not value.isfinite().all()), None):
            raise UserError(f"{path}: the weight {name}.{bad} holds NaN or infinity")
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise UserError(f"{path}: the weights do not fit the configuration: {error}") from error
    return model
