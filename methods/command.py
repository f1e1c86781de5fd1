"""Any external program that enhances files, in its own environment."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from bench.core import audio
from bench.core.errors import UserError
from bench.core.folders import recordings_in
from bench.core.types import Audio
from methods import confinement
from methods.base import Enhanced, Method
from methods.command_line import PLACES, filled, words_of
from methods.enhanced_files import FilesById, Pattern
from methods.environment import described
from methods.fitting import check_tolerance, fitted
from methods.kept_results import Kept, KeptResults
from methods.programs import Limits, call
from methods.server import Server

Mode = Literal["file", "folder", "server"]

ALL_AT_ONCE = 10**6
"""More recordings than a dataset has."""

LARGEST_RATIO = 64
"""An output file of more than so many times the bytes of its recording is not read."""


class Command(Method):
    """An external program that gets the paths of recordings and of its output: per recording, per folder, or served.

    ``{name: command, run: "python enhance.py --in {noisy} --out {enhanced}", python: /envs/x/bin/python}``.

    Args:
        run: the command line, without a shell. ``{noisy}`` and ``{enhanced}`` are replaced by paths. If it contains
            ``{steps}`` or ``{seed}``, the method has steps, or is stochastic.
        mode: ``file``: started for each recording, a WAV file. ``folder``: started once for all recordings of a
            dataset; the paths are those of two folders, and the program keeps the files' names. ``server``: started
            once, without paths; it reads a line of JSON ``{"noisy": PATH, "enhanced": PATH, "steps": N, "seed": S}``
            from its standard input and, when the file is written, answers ``{}``, ``{"nfe": 30}`` or
            ``{"error": "..."}`` on its standard output.
        python: the interpreter that replaces a leading ``python``; its path is relative to the current directory.
        folder: the working directory, to which paths in ``run`` are relative; by default the current one.
        takes_steps, draws_noise: whether a server uses steps or a seed; its command line does not show that.
        batch: of a folder: at most so many recordings at a time; null: all.
        pattern: of a folder: what the program calls its files, where it changes names: ``{id}_enhanced``.
        sample_rate: the rate in Hz of its input files; by default the recordings'.
        tolerance: by how many samples its output may be shorter (zeros are appended) or longer (it is cut); null: any
            number where the option ``align`` of every method says what is done, else 0.
        timeout: seconds for one recording.
        memory: limit of its address space in GiB; null: no limit.
        processes: how many it may run at once (Linux).
        writes: folders that it may write to, beside the one with its input and output; all else it can only read
            (Linux 5.13 and later). null: whatever the user may write to.
        reuse: keep its outputs in the user's cache and find them there again, for the same recording, steps, seed,
            command line, files that this names, interpreter, packages and revision of the checkout.

    Network calls inside it cannot be counted; only a server can report them. The measured time includes its start; of a
    folder it is each recording's share by length. It has as many CPU threads (OMP_NUM_THREADS) as the worker.

    Raises:
        UserError: an option is invalid, or the program does not exist.
    """

    elsewhere = True
    fits_length = True

    def __init__(
        self,
        run: str,
        mode: Mode = "file",
        python: str | None = None,
        folder: str | None = None,
        takes_steps: bool = False,
        draws_noise: bool = False,
        batch: int | None = None,
        pattern: str = "{id}",
        sample_rate: int | None = None,
        tolerance: int | None = None,
        timeout: float = 600,
        memory: float | None = None,
        processes: int = 256,
        writes: Sequence[str] | None = None,
        reuse: bool = True,
    ) -> None:
        check_tolerance(tolerance)
        if mode not in get_args(Mode):
            raise UserError(f"command: mode must be one of {', '.join(get_args(Mode))}, got {mode!r}")
        if batch is not None and (mode != "folder" or batch < 1):
            raise UserError("command: batch is the number of recordings in a folder, 1 or more, with mode: folder")
        self._words = words_of(run, python)
        missing = [place for place in PLACES if place not in run]
        if missing and mode != "server":
            raise UserError(f"command: run must say where {' and '.join(missing)} go: {run}")
        self.uses_steps = takes_steps or "{steps}" in run
        self.stochastic = draws_noise or "{seed}" in run
        self.batches = mode == "folder"
        self.ahead = (batch or ALL_AT_ONCE) if mode == "folder" else 0
        self.sample_rate = sample_rate
        self._folder = Path(folder).expanduser().absolute() if folder else Path.cwd()
        if not self._folder.is_dir():
            raise UserError(f"command: folder: {self._folder}: no such folder")
        self._mode, self._tolerance, self._reuse, self._pattern = mode, tolerance, reuse, Pattern(pattern)
        self._place = Path(tempfile.mkdtemp(prefix="sebench-"))
        weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
        self._limits = Limits(timeout, memory, processes, self._writable(writes))
        self.cost_is_measured = mode == "server"  # the start of another is most of its time on an excerpt

    def _writable(self, writes: Sequence[str] | None) -> tuple[Path, ...] | None:
        if writes is None:
            return None
        if confinement.version() < 1:
            raise UserError("command: writes: needs Linux 5.13 or later with Landlock, which is not here; leave it out")
        folders = [Path(folder).expanduser() for folder in writes]
        for folder in folders:
            if not folder.is_dir():
                raise UserError(f"command: writes: {folder}: no such folder")
        return (self._place, *(folder.absolute() for folder in folders))

    def padded_length(self, samples: int) -> int:
        """Recordings of any lengths go into one folder."""
        return 1 if self._mode == "folder" else samples

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return self.enhance_together([noisy], sample_rate, steps, [generator], [utterance_id])[0]

    def enhance_together(
        self,
        noisy: Sequence[Audio],
        sample_rate: int,
        steps: int | None,
        generators: Sequence[torch.Generator],
        utterance_ids: Sequence[str | None],
    ) -> list[Enhanced]:
        told = [{"steps": steps, "seed": self._seed(generator)} for generator in generators]
        kept = [self._find(clip, sample_rate, one) for clip, one in zip(noisy, told, strict=True)]
        open_ = [index for index, one in enumerate(kept) if one is None]
        made: list[Kept | UserError] = []
        if self._mode == "folder" and open_:
            made = self._from_folder([noisy[index] for index in open_], sample_rate, told[open_[0]])
        else:
            made = [self._from_file(noisy[index], sample_rate, told[index]) for index in open_]
        new = dict(zip(open_, made, strict=True))
        done = [
            self._fitted(clip, sample_rate, one, kept[index] or new[index], index in new)
            for index, (clip, one) in enumerate(zip(noisy, told, strict=True))
        ]
        for one in done:  # only now: what is good is kept
            if isinstance(one, UserError):
                raise one
        return [one for one in done if isinstance(one, Enhanced)]

    def _seed(self, generator: torch.Generator) -> int | None:
        return int(torch.randint(2**31, (), generator=generator)) if self.stochastic else None

    def _fitted(
        self, clip: Audio, sample_rate: int, told: dict[str, Any], made: Kept | UserError, new: bool
    ) -> Enhanced | UserError:
        """What was made, fitted to its recording; kept if it is new and can be used."""
        if isinstance(made, UserError):
            return made
        try:
            speech, done = fitted(
                made.speech,
                made.sample_rate,
                clip.size,
                sample_rate,
                self._tolerance,
                self.alignment.align,
                "its output",
            )
        except UserError as error:
            return error
        if not np.isfinite(made.speech).all():
            return UserError("command: its output holds NaN or infinity")
        if new and self._reuse:
            self._kept_results.keep(clip, sample_rate, told, made)
        return Enhanced(speech, nfe=made.nfe, adjusted=done, seconds=made.seconds)

    def _find(self, clip: Audio, sample_rate: int, told: dict[str, Any]) -> Kept | None:
        return self._kept_results.find(clip, sample_rate, told) if self._reuse else None

    def _from_file(self, noisy: Audio, sample_rate: int, told: dict[str, Any]) -> Kept:
        with tempfile.TemporaryDirectory(dir=self._place) as own:
            source, target = Path(own) / "noisy.wav", Path(own) / "enhanced.wav"
            audio.write(source, noisy, sample_rate)
            started = time.monotonic()
            nfe, said = self._call({"noisy": str(source), "enhanced": str(target), **told}, self._limits)
            seconds = time.monotonic() - started
            if not target.is_file():
                raise UserError(f"command: it ended well but left no file at {{enhanced}}{said}")
            return Kept(*_read(target, noisy), nfe, seconds)

    def _from_folder(self, noisy: Sequence[Audio], sample_rate: int, told: dict[str, Any]) -> list[Kept | UserError]:
        """What one call made of each recording."""
        limits = replace(self._limits, seconds=self._limits.seconds * len(noisy))
        with tempfile.TemporaryDirectory(dir=self._place) as own:
            source, target = Path(own) / "noisy", Path(own) / "enhanced"
            target.mkdir()
            for index, clip in enumerate(noisy):
                audio.write(source / f"{_name(index)}.wav", clip, sample_rate)
            started, failure, said = time.monotonic(), None, ""
            try:
                _, said = self._call({"noisy": str(source), "enhanced": str(target), **told}, limits)
            except UserError as error:  # what it made before is as good as ever
                failure = error
            seconds = (time.monotonic() - started) / sum(clip.size for clip in noisy)
            files = FilesById(target, recordings_in(target).files, self._pattern)
            made: list[Kept | UserError] = []
            for index, clip in enumerate(noisy):
                try:
                    made.append(Kept(*_read(files.find(_name(index)), clip), 0, seconds * clip.size))
                except UserError as error:  # noqa: PERF203 (each recording's own)
                    absent = not files.candidates(_name(index))
                    reason = failure or UserError(f"command: it left no file for the recording in {{enhanced}}{said}")
                    made.append(reason if absent else error)
            return made

    def _call(self, told: dict[str, Any], limits: Limits) -> tuple[int, str]:
        if self._mode == "server":
            return self._server.ask(told), ""
        return 0, call([filled(word, told) for word in self._words], self._folder, limits)

    @cached_property
    def _server(self) -> Server:
        return Server(self._words, self._folder, self._limits)

    @cached_property
    def _environment(self) -> dict[str, str]:
        return described(self._words, self._folder)

    @cached_property
    def _kept_results(self) -> KeptResults:
        return KeptResults({**self.provenance(), "mode": self._mode})

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Outputs that are kept take no time."""
        reuse, self._reuse = self._reuse, False
        try:
            yield
        finally:
            self._reuse = reuse

    def provenance(self) -> dict[str, Any]:
        """The command line, its interpreter's installed packages, and the revision of the checkout in ``folder``."""
        return {"run": self._words, "folder": str(self._folder), **self._environment}


def _name(index: int) -> str:
    """The name of a recording in a folder: in order, and the same length for all."""
    return f"{index:06d}"


def _read(path: Path, noisy: Audio) -> tuple[Audio, int]:
    largest = LARGEST_RATIO * (noisy.nbytes + 2**14)
    if path.stat().st_size > largest:
        raise UserError(f"command: its output has {path.stat().st_size} bytes; at most {largest} are read")
    return audio.read(path)
