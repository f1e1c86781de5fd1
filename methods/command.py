"""Any external program that enhances files, in its own environment."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio
from methods.base import Enhanced, Method
from methods.fitting import check_delay, check_tolerance, fitted
from methods.programs import Limits, Server, call

PLACES = ("{noisy}", "{enhanced}")


class Command(Method):
    """An external program that gets the paths of a WAV file and of its output: started per recording, or as a server.

    ``{name: command, run: "python enhance.py --in {noisy} --out {enhanced}", python: /envs/x/bin/python}``. With
    ``serve: true`` the program is started once and answers lines of JSON: it reads ``{"noisy": PATH, "enhanced": PATH,
    "steps": N, "seed": S}`` from its standard input and, when the file is written, answers ``{}``, ``{"nfe": 30}`` or
    ``{"error": "..."}`` on its standard output.

    Args:
        run: the command line, without a shell. ``{noisy}`` and ``{enhanced}`` are replaced by paths. If it contains
            ``{steps}`` or ``{seed}``, the method has steps, or is stochastic.
        python: the interpreter that replaces a leading ``python``.
        folder: the working directory; by default the current one.
        serve: whether it is a server that answers JSON lines.
        takes_steps, draws_noise: whether a server uses steps or a seed; its command line does not show that.
        sample_rate: the rate in Hz of its input files; by default the recordings'.
        tolerance: by how many samples its output may be shorter (zeros are appended) or longer (it is cut).
        delay: the delay of its output in samples at its rate, which is compensated.
        timeout: seconds for one recording.
        memory: limit of its address space in GiB; null: no limit.

    Network calls inside it cannot be counted; only a server can report them. The measured time includes its start.

    Raises:
        UserError: an option is invalid, or the program does not exist.
    """

    def __init__(
        self,
        run: str,
        python: str | None = None,
        folder: str | None = None,
        serve: bool = False,
        takes_steps: bool = False,
        draws_noise: bool = False,
        sample_rate: int | None = None,
        tolerance: int = 0,
        delay: float = 0,
        timeout: float = 600,
        memory: float | None = None,
    ) -> None:
        check_tolerance(tolerance)
        check_delay(delay)
        self._words = _words(run, python)
        missing = [place for place in PLACES if place not in run]
        if missing and not serve:
            raise UserError(f"command: run must say where {' and '.join(missing)} go: {run}")
        self.uses_steps = takes_steps or "{steps}" in run
        self.stochastic = draws_noise or "{seed}" in run
        self.sample_rate = sample_rate
        self._folder = Path(folder).expanduser() if folder else Path.cwd()
        if not self._folder.is_dir():
            raise UserError(f"command: folder: {self._folder}: no such folder")
        self._serve, self._tolerance, self._delay = serve, tolerance, delay
        self._limits = Limits(timeout, memory)

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        seed = int(torch.randint(2**31, (), generator=generator)) if self.stochastic else None
        with tempfile.TemporaryDirectory(prefix="sebench-") as own:
            paths = {"noisy": Path(own) / "noisy.wav", "enhanced": Path(own) / "enhanced.wav"}
            audio.write(paths["noisy"], noisy, sample_rate)
            told = {name: str(path) for name, path in paths.items()} | {"steps": steps, "seed": seed}
            nfe, said = self._call(told)
            if not paths["enhanced"].is_file():
                raise UserError(f"command: it ended well but left no file at {{enhanced}}{said}")
            speech, rate = audio.read(paths["enhanced"])
        made = fitted(speech, rate, noisy.size, sample_rate, self._tolerance, "its output", self._delay)
        return Enhanced(made.audio, nfe=nfe, adjusted=made.adjusted)

    def _call(self, told: dict[str, Any]) -> tuple[int, str]:
        if self._serve:
            return self._server.ask(told), ""
        words = [_filled(word, told) for word in self._words]
        return 0, call(words, self._folder, self._limits)

    @cached_property
    def _server(self) -> Server:
        return Server(self._words, self._folder, self._limits)

    def provenance(self) -> dict[str, Any]:
        """The command line, its interpreter's installed packages, and the revision of the checkout in ``folder``."""
        return {"run": self._words, "folder": str(self._folder), **_environment(self._words[0], self._folder)}


def _words(run: str, python: str | None) -> list[str]:
    try:
        words = shlex.split(run)
    except ValueError as error:
        raise UserError(f"command: run: {error}: {run}") from None
    if not words:
        raise UserError("command: run is empty; it is a command line with {noisy} and {enhanced}")
    if python is not None:
        if Path(words[0]).name not in ("python", "python3"):
            raise UserError(f"command: python is given, but run does not begin with python: {run}")
        words[0] = str(Path(python).expanduser())
    return words


def _filled(word: str, told: dict[str, Any]) -> str:
    for name, value in told.items():
        word = word.replace(f"{{{name}}}", "" if value is None else str(value))
    return word


def _environment(program: str, folder: Path) -> dict[str, str]:
    """Other facts that the output depends on, if they can be determined."""
    found = {}
    if Path(program).name.startswith("python"):
        installed = _asked([program, "-m", "pip", "freeze"], folder)
        if installed:
            found["installed_sha256"] = hashlib.sha256(installed.encode()).hexdigest()
        found["interpreter"] = _asked([program, "--version"], folder)
    if revision := _asked(["git", "describe", "--always", "--dirty"], folder):
        found["revision"] = revision
    return found


def _asked(words: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
