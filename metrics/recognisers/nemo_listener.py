"""Run by the interpreter that NeMo is installed for; needs nothing of this project.

``python nemo_listener.py MODEL`` loads the model and writes one JSON line, ``{"version": ...}``; then, for each line of
its standard input, the path of a WAV file at 16 kHz, it writes ``{"text": ...}``. What fails is ``{"error": ...}``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


def load(model: str) -> Any:
    """A NeMo model of speech recognition: a ``.nemo`` file, or a name that NeMo downloads."""
    from nemo.collections.asr.models import ASRModel

    loaded = ASRModel.restore_from(model) if model.endswith(".nemo") else ASRModel.from_pretrained(model)
    loaded.eval()
    return loaded


def transcribe(model: Any, path: str) -> str:
    (heard,) = model.transcribe([path], batch_size=1)
    return str(getattr(heard, "text", heard))  # a hypothesis since NeMo 2, a text before


def main() -> None:
    del sys.path[0]  # this folder, whose nemo.py is not NeMo
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # NeMo logs to standard output

    def answer(what: Callable[[], dict[str, str]]) -> bool:
        try:
            line, worked = what(), True
        except Exception as error:
            line, worked = {"error": str(error).partition("\n")[0] or type(error).__name__}, False
        answers.write(json.dumps(line) + "\n")
        answers.flush()
        return worked

    model: Any = None

    def start() -> dict[str, str]:
        nonlocal model
        import nemo

        model = load(sys.argv[1])
        return {"version": nemo.__version__}

    if answer(start):
        for line in sys.stdin:
            path = line.rstrip("\n")
            answer(lambda path=path: {"text": transcribe(model, path)})  # type: ignore[misc]


if __name__ == "__main__":
    main()
