"""A folder of files that some other system enhanced: how to score what was not written here."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import torch

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio
from methods.base import METHODS, Enhanced, Method


@METHODS.register("precomputed")
class Precomputed(Method):
    """Finds the enhanced file by the utterance's id: ``anna/01`` is ``dir/anna/01.wav`` or ``.flac``.

    Args:
        dir: the folder. A file at another rate than the recording's is resampled; its length must
            be the recording's.
        mixdown: average the channels of multi-channel files, which are refused otherwise.

    Raises:
        UserError: no such folder, no audio in it, or two files of one name.
    """

    needs_id = True

    def __init__(self, dir: str | Path, mixdown: bool = False) -> None:
        self._folder = Path(dir).expanduser()
        self._files = audio.files(self._folder)
        self._mixdown = mixdown
        if not self._files:
            raise UserError(f"{self._folder}: no WAV or FLAC file in it")

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance: str | None
    ) -> Enhanced:
        if utterance is None:
            raise UserError("precomputed must be told the utterance's id to find its file")
        if utterance not in self._files:
            raise UserError(f"{self._folder / utterance}.wav: no such file, nor .flac")
        path = self._files[utterance]
        enhanced, rate = audio.read(path, mixdown=self._mixdown)
        resampled = audio.resample(enhanced, rate, sample_rate)
        # One sample more or less at the lower rate is rounding; more is another recording, or padding.
        rounding = 0 if rate == sample_rate else math.ceil(sample_rate / min(rate, sample_rate))
        if abs(resampled.size - noisy.size) > rounding:
            at = "" if rate == sample_rate else f" ({enhanced.size} at {rate} Hz)"
            raise UserError(f"{path}: {resampled.size} samples{at}, but the noisy recording has {noisy.size}")
        return Enhanced(resampled)

    def provenance(self) -> dict[str, Any]:
        """The folder, how many files, and one SHA-256 over their names and bytes."""
        content = hashlib.sha256()
        for name, path in self._files.items():
            content.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return {"dir": str(self._folder), "files": len(self._files), "sha256": content.hexdigest()}
