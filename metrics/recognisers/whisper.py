"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) by faster-whisper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from metrics.base import distribution
from metrics.models import needed, sha256
from metrics.recognisers.base import Recogniser


class Whisper(Recogniser):
    """Greedy decoding in 8-bit integers on the CPU, float16 on a GPU; no text carries over from one window to the next.

    Args:
        model: a size ("small.en", "large-v3"), downloaded on first use; or a folder with a converted model.
        device: "cpu" or "cuda".
        language: of the speech; None: guessed.

    Raises:
        UserError: faster-whisper is not installed, or the model cannot be had.
    """

    def __init__(self, model: str = "small.en", device: str = "cpu", language: str | None = "en") -> None:
        package = needed("faster_whisper", "whisper")
        self.language = language
        try:
            self._folder = Path(model) if Path(model).is_dir() else Path(package.utils.download_model(model))
            self._model = package.WhisperModel(
                str(self._folder), device=device, compute_type="int8" if device == "cpu" else "float16"
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
