"""What a checkpoint is, in words."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from methods.base import METHODS
from methods.catalogue.fetch import local_copy
from methods.checkpoints.configuration import configure, refusal
from methods.checkpoints.lightning import Checkpoint
from methods.checkpoints.settings import KNOWN, FileSettings, shown
from methods.checkpoints.systems import from_reference_checkpoint, is_safetensors, open_model, reference_checkpoint
from methods.diffusion.method import DiffusionMethod
from methods.weights import TrainedModel


@dataclass
class Description:
    """What there is to know about a file.

    Attributes:
        lines: by what they are about.
        problems: what is wrong with a checkpoint that can be used nevertheless.
        sample_rate: in Hz.
        refusal: why it cannot be used, where its hyper-parameters are why.
    """

    lines: dict[str, str]
    sample_rate: int
    problems: list[str] = field(default_factory=list)
    refusal: UserError | None = None


def describe(path: str | Path, weights: str | None = None) -> Description:
    """Open a checkpoint and say what it is.

    Raises:
        UserError: it cannot be read.
    """
    path = local_copy(path)
    checkpoint = None if is_safetensors(path) else reference_checkpoint(path)
    lists = {}
    if checkpoint is not None:
        told = configure(checkpoint)
        lists = _lists(told.settings)
        if refused := refusal(checkpoint, told.settings):
            return Description({"file": str(path), **lists}, told.spectrogram.sample_rate, refusal=refused)
    model = open_model(path, weights) if checkpoint is None else from_reference_checkpoint(checkpoint, weights)
    lines = {"file": f"{path}, {path.stat().st_size / 1e6:.1f} MB", "sha256": model.sha256}
    lines |= _origin(model) | _networks(model)
    lines["weights"] = _weights(model, checkpoint)
    if checkpoint is not None and (wrappers := checkpoint.about.get("wrappers")):
        lines["names"] = (
            f"the weights' names without {' and '.join(wrappers)}, which other code put around the networks"
        )
    lines |= _settings(model) | lists
    return Description(lines, model.spectrogram.sample_rate, [] if is_safetensors(path) else _damage(path))


def _origin(model: TrainedModel) -> dict[str, str]:
    training = model.training
    if "project" not in training:
        return {"from": "sebench", "method": model.method}
    mode = training["hyper_parameters"].get("mode", "")
    told = [training["project"], mode, f"Lightning {training['lightning']}" if training.get("lightning") else ""]
    told += [f"{key} {training[key]}" for key in ("epoch", "step") if training.get(key) is not None]
    return {"from": ", ".join(filter(None, told)), "method": model.method}


def _networks(model: TrainedModel) -> dict[str, str]:
    lines, told = {}, model.training.get("hyper_parameters", {})
    for role, network in model.networks.items():
        count = sum(parameter.numel() for parameter in network.parameters())
        backbone = told.get(f"backbone_{role}", told.get("backbone", "NCSN++"))
        lines[role] = f"{backbone}, {count:,} parameters: {_options(model.sizes[role])}"
    return lines


def _weights(model: TrainedModel, checkpoint: Checkpoint | None) -> str:
    name = {"ema": "averaged (EMA)", "raw": "raw"}[model.weights]
    if checkpoint is None:
        return name
    if checkpoint.ema is None:
        return f"{name}; the file has no averages"
    if model.weights == "raw":
        return f"{name}; the file has averages too"
    raw, averages = (checkpoint.weights(kind)[1] for kind in ("raw", "ema"))
    apart = max(
        float((averages[network][key] - tensor).abs().max())
        for network, weights in raw.items()
        for key, tensor in weights.items()
    )
    return (
        f"{name}, decay {checkpoint.ema.get('decay')}, {checkpoint.ema.get('num_updates')} updates; "
        f"the raw ones differ by {apart:.2g} at most"
    )


def _settings(model: TrainedModel) -> dict[str, str]:
    lines = {"transform": _options(model.spectrogram), "rate": f"{model.spectrogram.sample_rate} Hz"}
    lines |= {name.replace("_", " "): str(value) for name, value in asdict(model.settings).items()}
    if "score" in model.networks:
        lines["diffusion"] = f"{model.sde.name}: {_options(model.sde)}; t_eps {model.t_eps}"
        lines["prediction"] = _options(model.parametrization.config())
    method: Any = METHODS.create(model.method, checkpoint=model, device="cpu")
    if isinstance(method, DiffusionMethod):
        sampler = dict(method.provenance()["sampler"])
        lines["sampler"] = f"{sampler.pop('name')}: {_options(sampler)}; N {method.default_steps}"
    elif method.uses_steps:
        lines["sampler"] = f"N {method.default_steps}"
    return lines


def _lists(settings: FileSettings) -> dict[str, str]:
    """A file's hyper-parameters in three lists."""

    def listed(values: Mapping[str, Any]) -> str:
        return ", ".join(f"{key}={shown(value)}" for key, value in values.items()) or "none"

    unknown = {key: value for key, value in settings.harmless.items() if key not in KNOWN}
    harmless = {key: value for key, value in settings.harmless.items() if key not in unknown}
    more = f"; of neither project: {listed(unknown)}" if unknown else ""
    return {
        "used": listed(settings.used),
        "harmless": listed(harmless) + more,
        "refused": listed({key: settings.values.get(key) for key in settings.refused}),
    }


def _options(settings: Any) -> str:
    """A dataclass or mapping as "key value, key value"."""
    pairs = asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else settings
    return ", ".join(f"{key} {value}" for key, value in pairs.items())


def _damage(path: Path) -> list[str]:
    """Records that are not what was written, by their checksums."""
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
    return [f"{path}: damaged, the record {bad} does not have its checksum; copy or download it again"] if bad else []
