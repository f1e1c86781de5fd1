"""What a checkpoint is, in words."""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from methods.base import METHODS
from methods.checkpoints.lightning import Checkpoint, open_checkpoint
from methods.checkpoints.systems import from_reference_checkpoint, is_safetensors, open_system
from methods.weights import System


@dataclass
class Description:
    """A checkpoint that can be used.

    Attributes:
        lines: what there is to know, by what it is.
        problems: what is wrong with it nevertheless.
        sample_rate: in Hz.
    """

    lines: dict[str, str]
    sample_rate: int
    problems: list[str] = field(default_factory=list)


def describe(path: str | Path, weights: str | None = None) -> Description:
    """Open a checkpoint and say what it is.

    Raises:
        UserError: it cannot be used, and why.
    """
    path = Path(path).expanduser()
    checkpoint = None if is_safetensors(path) else open_checkpoint(path)
    system = open_system(path, weights) if checkpoint is None else from_reference_checkpoint(checkpoint, weights)
    lines = {"file": f"{path}, {path.stat().st_size / 1e6:.1f} MB", "sha256": system.sha256}
    lines |= _origin(system) | _networks(system)
    lines["weights"] = _weights(system, checkpoint)
    lines |= _settings(system)
    return Description(lines, system.spectrogram.sample_rate, [] if checkpoint is None else _damage(path))


def _origin(system: System) -> dict[str, str]:
    training = system.training
    if "project" not in training:
        return {"from": "sebench", "method": system.method}
    mode = training["hyper_parameters"].get("mode", "")
    told = [training["project"], mode, f"Lightning {training['lightning']}" if training["lightning"] else ""]
    told += [f"{key} {training[key]}" for key in ("epoch", "step") if training[key] is not None]
    return {"from": ", ".join(filter(None, told)), "method": system.method}


def _networks(system: System) -> dict[str, str]:
    lines, told = {}, system.training.get("hyper_parameters", {})
    for role, network in system.networks.items():
        count = sum(parameter.numel() for parameter in network.parameters())
        backbone = told.get(f"backbone_{role}", told.get("backbone", "NCSN++"))
        lines[role] = f"{backbone}, {count:,} parameters: {_options(system.sizes[role])}"
    return lines


def _weights(system: System, checkpoint: Checkpoint | None) -> str:
    name = {"ema": "averaged (EMA)", "raw": "raw"}[system.weights]
    if checkpoint is None:
        return name
    if checkpoint.ema is None:
        return f"{name}; the file has no averages"
    if system.weights == "raw":
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


def _settings(system: System) -> dict[str, str]:
    lines = {"transform": _options(system.spectrogram), "rate": f"{system.spectrogram.sample_rate} Hz"}
    if "score" not in system.networks:
        return lines
    method = METHODS.create(system.method, checkpoint=system, device="cpu").provenance()
    sampler = dict(method["sampler"])
    return lines | {
        "conditioning": system.condition,
        "diffusion": f"{system.sde.name}: {_options(system.sde)}; t_eps {system.t_eps}",
        "prediction": _options(system.parametrization),
        "sampler": f"{sampler.pop('name')}: {_options(sampler)}; N {method['default_steps']}",
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
