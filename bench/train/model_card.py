"""A Markdown card for a weights file, from what the file itself says of its training."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.conf.compose import compose
from bench.conf.values import spelled
from bench.core.errors import UserError
from bench.train.settings import differences
from methods.base import METHODS
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel

Record = dict[str, Any]
"""What a weights file says of one training; ``before`` holds the records of its ``init``."""

LIMITS = """\
- 16 kHz, one channel. Trained on what is listed above and tested on little else: other languages, rooms, microphones
  and noises are outside what it has heard. Nothing was done about fairness across voices, accents or ages."""

SMALL = """\
- A small network ({parameters:,} parameters in all; each of the paper's has about 28 million), trained briefly. It is
  here so that the benchmark runs from the first minute; its scores are not the paper's."""

GENERATED = """\
- It heard speech from a formant synthesiser and no other: expect less on real recordings."""

INVENTS = """\
- Diffusion can invent speech-like sounds where there is little evidence; do not use it where a wrong word matters."""

PAPER_SIZE = 20_000_000
"""Parameters below which a card says that the network is small."""


def machine() -> str:
    """What the training ran on, e.g. "AMD EPYC, 2 cores", with its GPUs where there are some."""
    import torch

    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ", ".join([name, f"{os.cpu_count()} cores", *(f"{gpus.count(gpu)} x {gpu}" for gpu in dict.fromkeys(gpus))])


def stages(training: Record) -> list[Record]:
    """The records of the whole chain of trainings that led to these weights, the first one first."""
    before = [stage for record in training.get("before", ()) for stage in stages(record)]
    once = [stage for number, stage in enumerate(before) if stage not in before[:number]]
    return [*once, training]


def commands(training: Record) -> list[str]:
    """The commands that make the weights again, in their order."""
    return [_again(stage) for stage in stages(training)]


def _again(stage: Record) -> str:
    """A stage's command, and after it what it stood for and does not by now: defaults and experiments change.

    A command that can no longer be read is left as it was given.
    """
    command = str(stage["command"])
    try:
        today = compose("train", shlex.split(command)[2:])
    except UserError:
        return command
    since = differences(today, stage["config"])
    return " ".join([command, *(shlex.quote(f"{key}={spelled(then)}") for key, (_, then) in since.items())])


def model_card(model: TrainedModel, size: int, heard: Sequence[str] = ()) -> str:
    """The card of ``model``, whose file has ``size`` bytes.

    Args:
        heard: what the file beside it says of its sources, a line each.
    """
    training = model.training
    chain = stages(training)
    return "\n".join(
        [
            f"# {model.method}",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in [*_facts(model, size), *_summary(chain)]),
            "",
            "Made again by",
            "",
            *(f"    {command}" for command in commands(training)),
            *(line for number, stage in enumerate(chain, 1) for line in _stage(stage, number, len(chain))),
            *_heard(heard),
            "",
            "## Limits",
            "",
            *_limits(model),
            "",
        ]
    )


def _heard(lines: Sequence[str]) -> list[str]:
    """The speakers, noises and rooms of its training."""
    if not lines:
        return []
    about = "By the file `.sources.npz` beside it, in which `bench run` looks test recordings up:"
    return ["", "## What it has heard", "", about, "", *(f"- {line}" for line in lines)]


def _facts(model: TrainedModel, size: int) -> list[tuple[str, object]]:
    config = model.training["config"]
    rows: list[tuple[str, object]] = [
        ("networks", ", ".join(f"{name}: {_network(size)}" for name, size in model.sizes.items())),
        ("parameters", f"{model.parameters:,}"),
        ("file", f"{size / 1e6:.2f} MB, safetensors, float16 (Fourier frequencies float32)"),
        ("weights", f"average over the training (EMA {config['ema_decay']})"),
        ("transform", model.spectrogram),
    ]
    rows += [(name.replace("_", " "), value) for name, value in asdict(model.settings).items()]
    if _diffuses(model):
        rows += [
            ("diffusion", f"{model.sde}, t_eps {model.t_eps}"),
            ("score network", f"predicts {model.parametrization.predicts}"),
            ("sampler", model.sampler or "as the release"),
        ]
    return rows


def _network(size: Mapping[str, Any]) -> str:
    options = dict(size)
    name = options.pop("backbone", "NCSN++")
    return f"{name} {options}"


def _diffuses(model: TrainedModel) -> bool:
    """Whether its method draws noise, and so what it makes is not all in the recording."""
    return bool(getattr(METHODS.get(model.method), "stochastic", False))


def _summary(chain: list[Record]) -> list[tuple[str, object]]:
    """The whole chain in total."""
    steps = [stage["steps"] for stage in chain]
    hours = [stage["hours"] for stage in chain]
    several = len(chain) > 1
    return [
        ("steps", _sum(f"{n}" for n in steps) + (f" = {sum(steps)}" if several else "")),
        ("wall time", _sum(f"{h:.2f}" for h in hours) + (f" = {sum(hours):.2f}" if several else "") + " h"),
        ("machine", "; ".join(dict.fromkeys(stage["machine"] for stage in chain))),
        ("licence", "MIT, as the project; the recordings' licences are named below"),
    ]


def _sum(terms: Any) -> str:
    return " + ".join(terms)


def _stage(stage: Record, number: int, of: int) -> list[str]:
    """One training: its data, its settings, its validation curve."""
    config = stage["config"]
    transform = Spectrogram(**config["method"].get("spectrogram", {}))
    seconds = transform.samples(config["frames"]) / transform.sample_rate
    starts = stage.get("starts", 1)
    init = [config["init"]] if isinstance(config["init"], str) else config["init"] or ()
    hashes = stage.get("init_sha256") or ["?"] * len(init)
    origin = ", ".join(f"{file} (sha256 {sha256[:16]})" for file, sha256 in zip(init, hashes, strict=True))
    rows = {
        "crops": f"{config['batch_size'] * config['accumulate']} of {config['frames']} frames ({seconds:.2f} s) a step",
        "normalised by the peak of": config.get("normalise", "noisy"),
        "steps": f"{stage['steps']} (the best of those validated)",
        "validation loss": f"{stage['valid_loss']:.1f}",
        "seed": config["seed"],
        "wall time": f"{stage['hours']:.2f} h" + (f", over {starts} starts" if starts > 1 else ""),
        "machine": f"{stage['machine']}; {config['precision']}, torch {stage['torch']}",
        "starting from": origin or "random weights",
        "optimiser": f"Adam, {config['optimiser']}",
        "objective": config["method"]["objective"],
    }
    return [
        "",
        f"## Training{f', stage {number} of {of}' if of > 1 else ''}: {config['method']['name']}",
        "",
        *(f"- {line}" for line in stage["data"].splitlines()),
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        "| step | valid_loss |",
        "|---|---|",
        *(f"| {step} | {loss:g} |" for step, loss in stage["validation_curve"]),
    ]


def _limits(model: TrainedModel) -> list[str]:
    datasets = [stage["config"].get("dataset", {}) for stage in stages(model.training)]
    largest = max(sum(p.numel() for p in network.parameters()) for network in model.networks.values())
    return [
        *([SMALL.format(parameters=model.parameters)] if largest < PAPER_SIZE else []),
        LIMITS,
        *([] if any(dataset.get("speech_dirs") or dataset.get("name") for dataset in datasets) else [GENERATED]),
        *([INVENTS] if _diffuses(model) else []),
    ]
