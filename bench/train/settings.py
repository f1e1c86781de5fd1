"""What a training is asked to do, checked: every mistake found here costs no computing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.datasets.recipes.training_pairs import SAMPLE_RATE
from bench.train.model import check_method
from methods.losses import LOSSES
from methods.training.data import NORMALISATIONS

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "64-true")

MAY_CHANGE = {
    *("max_steps", "max_hours", "patience", "checkpoint_every", "log_every", "tensorboard", "scores"),
    *("threads", "workers", "device", "devices", "strategy", "out", "dataset.cache", "dataset.about"),
}
"""What another command that continues a training may set otherwise: the weights do not depend on it."""


@dataclass(frozen=True)
class Rule:
    """What a value must be: a test, and the same in words."""

    holds: Callable[[Any], bool]
    words: str


def whole(least: int) -> Rule:
    """An integer from ``least`` up."""
    return Rule(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least,
        f"a whole number from {least} up",
    )


def number(low: float, high: float = float("inf"), *, above: bool = False) -> Rule:
    """A number in [low, high], or in (low, high] with ``above``."""
    return Rule(
        lambda value: (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and (low < value if above else low <= value)
            and value <= high
        ),
        f"a number {'above' if above else 'from'} {low:g}"
        + ("" if high == float("inf") else f" {'up to' if above else 'to'} {high:g}"),
    )


def one_of(*names: str) -> Rule:
    """One of ``names``."""
    return Rule(lambda value: value in names, f"one of {', '.join(names)}")


def optional(rule: Rule) -> Rule:
    """None too."""
    return Rule(lambda value: value is None or rule.holds(value), f"{rule.words}, or null")


def either(first: Rule, second: Rule) -> Rule:
    """What one of two rules allows."""
    return Rule(lambda value: first.holds(value) or second.holds(value), f"{first.words}, or {second.words}")


def several(rule: Rule, least: int = 0) -> Rule:
    """A list of at least ``least`` such values."""
    words = f"a list of at least {least}, each {rule.words}" if least else f"a list, each entry {rule.words}"
    return Rule(lambda value: isinstance(value, list) and len(value) >= least and all(map(rule.holds, value)), words)


text = Rule(lambda value: isinstance(value, str) and bool(value.strip()), "a text")
boolean = Rule(lambda value: isinstance(value, bool), "true or false")
snr_range = Rule(
    lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) for end in value)
        and value[0] <= value[1]
    ),
    "[lowest, highest] in dB",
)
strategy = Rule(
    lambda value: isinstance(value, str) and re.fullmatch(r"auto|ddp(_\w+)?", value) is not None,
    "auto, or one of Lightning's ddp strategies: others split the parameters, which their averaging needs whole",
)
devices = Rule(
    lambda value: value == "auto" or whole(1).holds(value) or several(whole(0), least=1).holds(value),
    f"auto, or {whole(1).words}, or a list of GPUs, each {whole(0).words}",
)

RULES: dict[str, Rule] = {
    "out": text,
    "init": optional(either(text, several(text, least=1))),
    "warm_start": boolean,
    "seed": whole(0),
    "network.width": Rule(lambda value: whole(4).holds(value) and value % 4 == 0, "a multiple of 4"),
    "network.multipliers": several(whole(1), least=1),
    "network.blocks": whole(1),
    "network.attention_heights": several(whole(1)),
    "network.centered": boolean,
    "network.scale_by_time": optional(boolean),
    "network.pyramids": boolean,
    "frames": whole(2),
    "normalise": one_of(*NORMALISATIONS),
    "batch_size": whole(1),
    "accumulate": whole(1),
    "ema_decay": number(0, 1),
    "ema_restart": boolean,
    "optimiser.lr": number(0, above=True),
    "optimiser.warmup_steps": whole(0),
    "optimiser.decay_steps": optional(whole(1)),
    "max_steps": whole(1),
    "max_hours": optional(number(0, above=True)),
    "valid_every": whole(1),
    "valid_size": whole(1),
    "patience": whole(1),
    "checkpoint_every": whole(1),
    "log_every": whole(1),
    "tensorboard": boolean,
    "scores.recordings": whole(0),
    "scores.every": whole(1),
    "scores.steps": optional(whole(1)),
    "scores.metrics": several(text, least=1),
    "precision": one_of(*PRECISIONS),
    "device": one_of("auto", "cpu", "cuda"),
    "devices": devices,
    "strategy": strategy,
    "threads": optional(whole(1)),
    "workers": optional(whole(0)),
    "method.objective.supervised_loss": one_of(*LOSSES),
    "method.objective.score_loss": one_of(*(kind for kind in LOSSES if kind != "none")),
    "method.objective.supervised_weight": number(0, 1),
    "method.objective.freeze_denoiser": boolean,
    "method.objective.l1_weight": number(0),
    "method.spectrogram.sample_rate": Rule(
        lambda value: value == SAMPLE_RATE, f"{SAMPLE_RATE}, the rate of the recordings that training mixes"
    ),
    "method.t_eps": number(0, 1, above=True),
    "dataset.seed": whole(0),
    "dataset.snr": snr_range,
    "dataset.reverb_share": number(0, 1),
    "dataset.real_share": number(0, 1),
    "dataset.speech_dirs": several(text),
    "dataset.noise_dirs": several(text),
    "dataset.rir_dirs": several(text),
    "dataset.natural_share": optional(number(0, 1)),
    "dataset.flite": boolean,
    "dataset.about": optional(text),
    "dataset.cache": optional(text),
}


def check(config: Mapping[str, Any]) -> None:
    """That a composed configuration of ``bench train`` makes sense.

    Raises:
        UserError: a value of the wrong kind, or values that contradict each other.
    """
    flat = flatten(config)
    for key, rule in RULES.items():
        if key in flat and not rule.holds(flat[key]):
            raise UserError(f"{key}: {rule.words}; got {flat[key]!r}")
    if flat["valid_every"] > flat["max_steps"]:
        raise UserError(
            f"valid_every={flat['valid_every']} is more than max_steps={flat['max_steps']}: without a validation "
            "there are no weights"
        )
    if flat.get("method.objective.freeze_denoiser") and flat["init"] is None:
        raise UserError(
            "method.objective.freeze_denoiser=true would keep a random predictive network; name a trained one with "
            "init=checkpoints/ncsnpp_m/weights.safetensors"
        )
    check_method(config)
    for name in ("speech_dirs", "noise_dirs", "rir_dirs"):
        for folder in flat.get(f"dataset.{name}", []):
            if not Path(folder).expanduser().is_dir():
                raise UserError(f"dataset.{name}: {folder} is not a folder")
    check_devices(flat["device"], flat["devices"])


def check_devices(device: str, devices: int | list[int] | str) -> None:
    """That the GPUs asked for are here. Several processes on the CPU are for who names it.

    Raises:
        UserError: says what there is.
    """
    import torch

    gpus = torch.cuda.device_count()
    if device == "cuda" and not gpus:
        raise UserError(
            "device=cuda: no CUDA device here; use device=cpu, or device=auto to take one where there is one"
        )
    if device == "cpu":
        if isinstance(devices, list):
            raise UserError(f"devices={devices}: a list names GPUs, and device=cpu asks for none; name a number")
    elif devices not in ("auto", 1) and not gpus:
        raise UserError(f"devices={devices}: no GPU here; devices=1, or device=cpu for that many processes on the CPU")
    elif devices != "auto" and gpus and (max(devices) >= gpus if isinstance(devices, list) else int(devices) > gpus):
        raise UserError(f"devices={devices}: {gpus} GPUs here{', numbered from 0' * isinstance(devices, list)}")


def check_same(given: Mapping[str, Any], stored: Mapping[str, Any], out: Path) -> None:
    """That a training which continues in ``out`` is asked for what it was started with.

    Raises:
        UserError: names the first key that differs.
    """
    now, then = flatten(given), _as_today(flatten(stored))
    for key in sorted({*now, *then}):
        if now.get(key) != then.get(key) and not _may_change(key):
            raise UserError(
                f"{out}: holds a training with {key}={_shown(then, key)}, not {_shown(now, key)}; continue it with "
                "that, or name another out="
            )


RENAMED = {"method.parametrization.told": "method.parametrization.time_input"}
"""Keys of older versions, and what they are called now."""
GONE = {("ncsnpp_m", "method.condition"), ("sgmse_m", "method.condition")}
"""Keys of older versions that said nothing, by the method in whose configuration they stood."""


def _as_today(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration that an older version may have stored, as it would be stored now."""
    return {
        RENAMED.get(key, key): value for key, value in stored.items() if (stored.get("method.name"), key) not in GONE
    }


def _may_change(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in MAY_CHANGE)


def _shown(flat: Mapping[str, Any], key: str) -> str:
    return str(flat[key]).lower() if isinstance(flat.get(key), bool) else str(flat.get(key, "null"))


def flatten(config: Mapping[str, Any], parents: str = "") -> dict[str, Any]:
    """Values by their dotted keys; lists are values."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{parents}{key}.")
        else:
            flat[f"{parents}{key}"] = value
    return flat
