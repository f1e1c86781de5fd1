"""A Markdown card for a weights file, from what the file itself says of its training."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from methods.weights import System

LIMITS = """\
- A small network of the paper's architecture, trained briefly on speech from a formant synthesiser, generated
  noise and simulated rooms. It is here so that the benchmark runs from the first minute; its scores are not the
  paper's, and on real recordings it is outside what it has heard.
- 16 kHz, one channel, English sentences. Nothing was done about fairness across voices, accents or languages.
- The diffusion methods can invent speech-like sounds where there is little evidence; do not use them where a
  wrong word matters."""


def machine() -> str:
    """What the training ran on, e.g. "AMD EPYC, 2 cores"."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores"


def _diffusion(system: System) -> str:
    if "score" not in system.networks:
        return ""
    return f"""\
| conditioning | {system.condition} |
| diffusion | {system.sde}, t_eps {system.t_eps} |
| sampler | {system.sampler or "as the release"} |
"""


def model_card(system: System, size: int) -> str:
    """The card of ``system``, whose file has ``size`` bytes."""
    training = system.training
    config: dict[str, Any] = training["config"]
    batch = config["batch_size"] * config["accumulate"]
    seconds = system.spectrogram.samples(config["frames"]) / system.spectrogram.sample_rate
    curve = "\n".join(f"| {step} | {loss:g} |" for step, loss in training["validation_curve"])
    return f"""\
# {system.method}

| | |
|---|---|
| networks | {", ".join(f"{name}: NCSN++ {options}" for name, options in system.sizes.items())} |
| parameters | {system.parameters:,} |
| file | {size / 1e6:.2f} MB, safetensors, float16 (Fourier frequencies float32) |
| weights | average over the training (EMA {config["ema_decay"]}) |
| transform | {system.spectrogram} |
{_diffusion(system)}| data | {training["data"]} |
| crops | {batch} of {config["frames"]} frames ({seconds:.2f} s) a step |
| steps | {training["steps"]} (the best of those validated) |
| validation loss | {training["valid_loss"]:.1f} |
| seed | {config["seed"]} |
| wall time | {training["hours"]:.2f} h, of the last command, as are steps and curve |
| machine | {training["machine"]}; {config["precision"]}, torch {training["torch"]} |
| starting from | {config["init"] or "random weights"} |
| licence | MIT, as the project |

Made again by

    {training["command"]}

## Limits

{LIMITS}

## Validation curve

| step | valid_loss |
|---|---|
{curve}
"""
