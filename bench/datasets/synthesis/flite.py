"""Speech from text with Flite, where it is installed (Debian: ``apt install flite``): voices from recorded speakers.

Its statistical and diphone voices are further from eSpeak's formants than any two of those are from
each other. Flite is a program of its own here, called once a sentence (about 60 ms).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio
from bench.datasets.synthesis.speech import SAMPLE_RATE, at_level, trim
from bench.datasets.synthesis.voices import Split

VOICES: dict[Split, tuple[str, ...]] = {"train": ("awb", "kal16", "slt"), "valid": ("rms",), "test": ()}
"""Flite's speakers at 16 kHz; each belongs to one split. The demo's recordings have none of them."""


def synthesise(text: str, voice: str, *, stretch: float = 1.0, pitch: float = 1.0) -> Audio:
    """``text`` spoken by ``voice``: float32 ``[samples]`` at 16 kHz, trimmed, at eSpeak's level here.

    Args:
        stretch: of the duration, 1 for the voice's own.
        pitch: factor on the fundamental frequency; the voice rms has only its own.

    Raises:
        UserError: Flite is not installed, has not this voice, or fails.
    """
    if voice not in _installed_voices():
        raise UserError(f"flite has no voice '{voice}': it has {', '.join(_installed_voices())}")
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        settings = ["--setf", f"duration_stretch={stretch:.4f}", "--setf", f"f0_shift={pitch:.4f}"]
        _flite("-voice", voice, *settings, "-t", text, "-o", str(spoken))
        samples, rate = audio.read(spoken)
    if not samples.any():
        raise UserError(f"flite has nothing to say for {text!r}")
    return at_level(trim(audio.resample(samples, rate, SAMPLE_RATE)))


def version() -> str:
    """Flite's version, e.g. ``"2.2"``: another may speak differently."""
    return next((word[6:].split("-")[0] for word in _flite("--version").split() if word.startswith("flite-")), "?")


@cache
def _installed_voices() -> tuple[str, ...]:
    return tuple(_flite("-lv").partition(":")[2].split())


def _flite(*arguments: str) -> str:
    program = shutil.which("flite")
    if program is None:
        raise UserError("dataset.flite=true needs the program flite (Debian: apt install flite)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0 and arguments[0] == "-voice":  # -lv and --version end with a status of their own
        raise UserError(f"flite failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout
