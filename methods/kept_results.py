"""Outputs of external programs that are kept in the user's cache, by everything that they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core import audio
from bench.core.cache import cache_folder
from bench.core.errors import UserError
from bench.core.files import replacing
from bench.core.types import Audio


@dataclass(frozen=True)
class Kept:
    """An output, at the program's own rate and length; network calls and seconds that it took."""

    speech: Audio
    sample_rate: int
    nfe: int
    seconds: float


class KeptResults:
    """The outputs of one program.

    Args:
        identity: everything beside the recording that they depend on.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self._identity = json.dumps(identity, sort_keys=True, default=str)

    def find(self, noisy: Audio, sample_rate: int, told: Mapping[str, Any]) -> Kept | None:
        """The output for a recording, float32 ``[samples]``, with what the program was told; None if there is none."""
        path = self._path(noisy, sample_rate, told)
        try:
            about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            speech, rate = audio.read(path)
            return Kept(speech, rate, int(about["nfe"]), float(about["seconds"]))
        except (OSError, ValueError, KeyError, TypeError, UserError):  # absent, or damaged: made again
            return None

    def keep(self, noisy: Audio, sample_rate: int, told: Mapping[str, Any], kept: Kept) -> None:
        """Keep an output; if the cache cannot be written, it is made again next time."""
        path = self._path(noisy, sample_rate, told)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            audio.write(path, kept.speech, kept.sample_rate)
            with replacing(path.with_suffix(".json")) as temporary:
                temporary.write_text(json.dumps({"nfe": kept.nfe, "seconds": kept.seconds}), encoding="utf-8")
        except (OSError, UserError):
            return

    def _path(self, noisy: Audio, sample_rate: int, told: Mapping[str, Any]) -> Path:
        digest = hashlib.sha256(f"{self._identity}\n{sample_rate}\n{json.dumps(told, sort_keys=True)}\n".encode())
        digest.update(noisy.tobytes())
        name = digest.hexdigest()
        return cache_folder("commands") / name[:2] / f"{name}.wav"
