"""What a training is asked to do, checked: every mistake found here costs no computing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen, MultipleOf
from pydantic import AfterValidator, Field, Strict

from bench.conf.schema import Count, Number, Open, Positive, Schema, Share, Text, Truth
from bench.conf.values import spelled
from bench.core.errors import UserError

MAY_CHANGE = {
    *("max_steps", "max_hours", "patience", "checkpoint_every", "log_every", "tensorboard", "scores"),
    *("threads", "workers", "device", "devices", "strategy", "out", "dataset.cache", "dataset.about"),
}
"""What another command that continues a training may set otherwise: the weights do not depend on it."""


Fraction = Annotated[float, Strict(), Gt(0), Le(1)]
Above0 = Annotated[float, Strict(), Gt(0)]
From0 = Annotated[float, Strict(), Ge(0)]
Names = tuple[Text, ...]


def given(about: str = "") -> Any:
    """A key whose default stands in a file of ``conf``; None where the files chosen have no such key."""
    return Field(default=None, description=about)


def _strategy(name: str) -> str:
    if not re.fullmatch(r"auto|ddp(_\w+)?", name):
        raise ValueError(
            "auto, or one of Lightning's ddp strategies: others split the parameters, which their averaging needs whole"
        )
    return name


def _range(ends: tuple[float, ...]) -> tuple[float, ...]:
    if len(ends) != 2 or ends[0] > ends[1]:
        raise ValueError(f"[lowest, highest] in dB; got [{', '.join(f'{end:g}' for end in ends)}]")
    return ends


def _folders(folders: Names) -> Names:
    for folder in folders:
        if not Path(folder).expanduser().is_dir():
            raise ValueError(f"{folder} is not a folder")
    return folders


Folders = Annotated[Names, AfterValidator(_folders)]


class Network(Open):
    """The sizes of NCSN++."""

    width: Annotated[int, Strict(), Ge(4), MultipleOf(4)] = given()
    multipliers: Annotated[tuple[Positive, ...], MinLen(1)] = given()
    blocks: Positive = given()
    attention_heights: tuple[Positive, ...] = given()
    centered: Truth = given()
    scale_by_time: Truth | None = given()
    pyramids: Truth = given()


class Objective(Open):
    """What is minimised."""

    supervised_loss: Literal["mse", "mae", "sisdr", "none"] = given()
    score_loss: Literal["mse", "mae"] = given()
    score_weighting: str = given()
    l1_weight: From0 = given()
    t_max: Above0 | None = given()
    supervised_weight: Share = given()
    freeze_denoiser: Truth = given()


class Spectrogram(Open):
    """The transform; ``methods.spectrogram`` says what its options mean."""

    sample_rate: Literal[16000] = given("the rate of the recordings that training mixes")


class Parametrization(Open):
    """What the score network's output stands for; ``methods.diffusion.parametrization`` checks the values."""

    c_in: str = given()
    c_out: str = given()
    c_skip: str = given()
    network_scaling: str = given()


class Method(Open):
    """A method's part; a method of another package may have keys of its own."""

    name: Text = given()
    objective: Objective = given()
    spectrogram: Spectrogram = given()
    t_eps: Fraction = given()
    parametrization: Parametrization = given()


class Dataset(Open):
    """What is mixed; a dataset in a file of one's own may have other keys."""

    seed: Count = given()
    snr: Annotated[tuple[Number, ...], AfterValidator(_range)] = given()
    reverb_share: Share = given()
    rumble_share: Share | None = given()
    low_pass: Annotated[tuple[Above0, ...], MinLen(1)] | None = given()
    real_share: Share = given()
    natural_share: Share | None = given()
    speech_dirs: Folders = given()
    noise_dirs: Folders = given()
    rir_dirs: Folders = given()
    flite: Truth = given()
    about: Text | None = given()
    cache: Text | None = given()


class OptimiserSettings(Schema):
    """Adam's step size over the steps, and the gradient's largest norm."""

    lr: Above0 = given()
    warmup_steps: Count = given()
    decay_steps: Positive | None = given()
    clip: Above0 | None = given()


class ScoresSettings(Schema):
    """Which validation recordings are enhanced and scored while training."""

    recordings: Count = given()
    every: Positive = given()
    steps: Positive | None = given()
    metrics: Annotated[Names, MinLen(1)] = given()


GPUs = Annotated[list[Count], MinLen(1)]


class Training(Schema):
    """What a training is asked to do.

    The defaults stand in ``conf/train.yaml`` and the files that ``method``, ``network``, ``dataset`` and
    ``experiment`` choose, because choosing among whole sets of defaults is what they are for.
    """

    method: Method = given()
    network: Network = given()
    dataset: Dataset = given()
    out: Text = given()
    init: Text | Annotated[Names, MinLen(1)] | None = given()
    warm_start: Truth = given()
    seed: Count = given()
    frames: Annotated[int, Strict(), Ge(2)] = given()
    normalise: Literal["noisy", "crop", "clean", "none"] = given()
    batch_size: Positive = given()
    accumulate: Positive = given()
    ema_decay: Share = given()
    ema_restart: Truth = given()
    optimiser: OptimiserSettings = given()
    max_steps: Positive = given()
    max_hours: Above0 | None = given()
    valid_every: Positive = given()
    valid_size: Positive = given()
    patience: Positive = given()
    checkpoint_every: Positive = given()
    log_every: Positive = given()
    tensorboard: Truth = given()
    scores: ScoresSettings = given()
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed", "64-true"] = given()
    device: Literal["auto", "cpu", "cuda"] = given()
    devices: Literal["auto"] | Positive | GPUs = given()
    strategy: Annotated[Text, AfterValidator(_strategy)] = given()
    threads: Positive | None = given()
    workers: Count | None = given()


def check(config: Mapping[str, Any]) -> None:
    """That a composed configuration of ``bench train`` makes sense.

    Raises:
        UserError: a value of the wrong kind, or values that contradict each other.
    """
    Training.of(config)
    flat = flatten(config)
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
    from bench.train.model import check_method  # imports torch

    check_method(config)
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
    for key, (now, then) in differences(given, stored).items():
        raise UserError(
            f"{out}: holds a training with {key}={spelled(then)}, not {spelled(now)}; continue it with that, or name "
            "another out="
        )


def differences(given: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys on which weights depend and in which two configurations differ, with the values of both.

    A key that an older version did not have was null.
    """
    now, then = flatten(given), _as_today(flatten(stored))
    return {
        key: (now.get(key), then.get(key))
        for key in sorted({*now, *then})
        if now.get(key) != then.get(key) and not _may_change(key)
    }


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


def flatten(config: Mapping[str, Any], parents: str = "") -> dict[str, Any]:
    """Values by their dotted keys; lists are values."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{parents}{key}.")
        else:
            flat[f"{parents}{key}"] = value
    return flat
