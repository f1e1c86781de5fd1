"""NVIDIA NeMo's recognisers, QuartzNet (Kriman et al., ICASSP 2020) among them, which the StoRM paper listens with."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Tag
from metrics.models import sha256
from metrics.recognisers.base import Recogniser

LISTENER = Path(__file__).with_name("nemo_listener.py")


class Nemo(Recogniser):
    """Any NeMo model of speech recognition, in a process of its own.

    NeMo 2, the last that has QuartzNet, demands older versions of Lightning, jiwer and transformers than this project
    does. It is therefore installed into an environment of its own, whose interpreter is named here.

    Args:
        model: a name that NeMo downloads, or a ``.nemo`` file.
        python: the interpreter of the environment that NeMo is installed in; this one if not given.

    Raises:
        UserError: there is no such interpreter, NeMo is not installed for it, or the model cannot be had.
    """

    def __init__(self, model: str = "QuartzNet15x5Base-En", python: str | None = None) -> None:
        self.model, self._file = model, Path(model).expanduser()
        interpreter = Path(python).expanduser() if python else Path(sys.executable)
        local = self._file.suffix == ".nemo"
        if local and not self._file.is_file():
            raise UserError(f"nemo: {self._file}: no such file")
        try:
            self._process = subprocess.Popen(
                [interpreter, LISTENER, str(self._file) if local else model],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # its log
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the process that uses it
            )
        except OSError as error:
            raise UserError(f"nemo: python: {interpreter} cannot be run ({error.strerror})") from None
        weakref.finalize(self, _end, self._process)
        started = self._answer()
        if "error" in started:
            raise UserError(_advice(model, str(interpreter), started["error"]))
        self.version = str(started["version"])

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        with tempfile.TemporaryDirectory() as folder:  # its transcribe takes files in every version
            path = Path(folder) / "speech.wav"
            audio.write(path, speech, self.sample_rate)
            answer = self._answer(str(path))
        if "error" in answer:
            raise UserError(f"nemo: {answer['error']}")
        return str(answer["text"])

    def settings(self) -> Mapping[str, str]:
        model = sha256(self._file) if self._file.is_file() else self.model
        return {"engine": f"nemo_toolkit {self.version}", "model": model}

    def _answer(self, line: str | None = None) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            if line is not None:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            return {"error": f"its process ended (exit status {self._process.wait()})"}
        return dict(json.loads(answer))


def _advice(model: str, interpreter: str, reason: str) -> str:
    if reason.startswith("No module named 'nemo'"):
        return (
            f"nemo: NeMo is not installed for {interpreter}: in an environment of its own, "
            "pip install 'nemo_toolkit[asr]>=2,<3', and name that environment's interpreter as python"
        )
    return f"nemo: model '{model}' cannot be loaded ({reason}); name a .nemo file"


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
