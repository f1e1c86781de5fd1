"""A system as a server of JSON lines: a recording's path in, its enhanced copy out, the network loaded once.

It runs in the system's own environment: Python 3.8 or later, numpy, soundfile, and what the system needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile


class Recording(NamedTuple):
    """What is to be enhanced.

    Attributes:
        path: of the WAV file.
        samples: float32 ``[samples]``.
        sample_rate: in Hz.
        steps: asked for; None for the system's own number.
    """

    path: str
    samples: Any
    sample_rate: int
    steps: int | None


class System(NamedTuple):
    """What a script loads.

    Attributes:
        enhance: gives the enhanced samples, at the recording's rate, of any shape with one channel.
        networks: torch modules whose calls are counted; none where they cannot be reached.
    """

    enhance: Callable[[Recording], Any]
    networks: Sequence[Any] = ()


def serve(load: Callable[[list[str]], System]) -> None:
    """Load the system with the script's arguments and answer until the input ends.

    Whatever the system prints goes to stderr: stdout is for the answers.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    arguments, sys.argv = sys.argv[1:], sys.argv[:1]  # some systems read the command line when they are imported
    system = load(arguments)
    for line in sys.stdin:
        answers.write(json.dumps(answer(system, json.loads(line))) + "\n")
        answers.flush()


def answer(system: System, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Enhance one recording; how many network calls that took, where they can be counted, or what went wrong."""
    try:
        samples, rate = soundfile.read(asked["noisy"], dtype="float32")
        recording = Recording(asked["noisy"], samples, rate, asked.get("steps"))
        _seed(asked.get("seed"))
        with _without_gradients(), _counting(system.networks) as calls:
            made = system.enhance(recording)
        if hasattr(made, "detach"):
            made = made.detach().cpu().numpy()
        soundfile.write(asked["enhanced"], np.asarray(made, np.float32).reshape(-1), rate, subtype="FLOAT")
    except Exception as error:  # the next recording may fare better
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
    return {"nfe": len(calls)} if system.networks else {}


def checkout(*folders: str) -> None:
    """Import from the folder that the script was started in, and from these in it."""
    sys.path[:0] = [str(Path.cwd() / folder) for folder in (".", *folders)]


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def cpu_where_no_gpu() -> None:
    """Let code that asks for a GPU without looking run on the CPU where there is none."""
    import torch

    if torch.cuda.is_available():
        return
    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = lambda self, *_, **__: self
    load = torch.load
    torch.load = lambda *args, **options: load(*args, **{"map_location": "cpu", **options})


def _seed(seed: int | None) -> None:
    if seed is None:
        return
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (what other people's code draws from)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _without_gradients() -> Any:
    torch = sys.modules.get("torch")
    return torch.no_grad() if torch is not None else contextlib.nullcontext()


@contextlib.contextmanager
def _counting(networks: Sequence[Any]) -> Iterator[list[None]]:
    """A list that grows by one with each call of one of ``networks``."""
    calls: list[None] = []
    hooks = [network.register_forward_hook(lambda *_: calls.append(None)) for network in networks]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
