"""NVIDIA NeMo's recognisers, QuartzNet (Kriman et al., ICASSP 2020) among them, which the StoRM paper listens with."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from metrics.base import distribution
from metrics.models import needed, sha256
from metrics.recognisers.base import RECOGNISERS, Recogniser


@RECOGNISERS.register("nemo")
class Nemo(Recogniser):
    """Any NeMo model of speech recognition.

    Args:
        model: a name that NeMo downloads, or a ``.nemo`` file.

    Raises:
        UserError: NeMo is not installed, or the model cannot be had.
    """

    def __init__(self, model: str = "QuartzNet15x5Base-En") -> None:
        models = needed("nemo.collections.asr", "nemo").models.ASRModel
        self.model, self._file = model, Path(model).expanduser()
        try:
            local = self._file.suffix == ".nemo"
            self._model = models.restore_from(str(self._file)) if local else models.from_pretrained(model)
        except Exception as error:  # of NeMo, or of whatever it downloads with
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UserError(f"nemo: model '{model}' cannot be loaded ({reason}); name a .nemo file") from error
        self._model.eval()

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        with tempfile.TemporaryDirectory() as folder:  # its transcribe takes files in every version
            path = Path(folder) / "speech.wav"
            audio.write(path, speech, self.sample_rate)
            [heard] = self._model.transcribe([str(path)], batch_size=1)
        return str(getattr(heard, "text", heard))

    def settings(self) -> Mapping[str, str]:
        model = sha256(self._file) if self._file.is_file() else self.model
        return {"engine": distribution("nemo_toolkit"), "model": model}
