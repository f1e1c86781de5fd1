"""``bench enhance``: enhance recordings with one method into a folder, serially or in several processes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import digest
from bench.core.memory import keep_freed_memory
from bench.core.seeds import stable_seed
from bench.core.types import Utterance
from bench.run.batch_size import LARGEST, Batch
from bench.run.cluster import Pool
from bench.run.enhanced_folder import EnhancedFolder
from bench.run.inference import Inference, Request, Timed
from bench.run.parallel import WorkerDied, map_unordered
from bench.run.parts import Recipe
from bench.run.progress import progress
from methods.base import Method


@dataclass(frozen=True)
class Way:
    """How recordings are enhanced.

    Attributes:
        recipe: how to build the method.
        device: the device it is built for.
        steps: reverse steps N; None: the method's default.
        seed: of the noise.
        rate: of the output: each recording's ("input"), or the method's ("model").
        channel, mixdown: as in ``audio.read``.
        batch, piece: see ``Inference``.
    """

    recipe: Recipe[Method]
    device: str = "cpu"
    steps: int | None = None
    seed: int = 0
    rate: Literal["input", "model"] = "input"
    channel: int | None = None
    mixdown: bool = False
    batch: Batch = 1
    piece: float | None = None


@dataclass(frozen=True)
class Input:
    """A recording, and the name of its enhanced speech."""

    name: str
    path: Path


@dataclass(frozen=True)
class Made:
    """One enhanced recording; ``sha256`` is the hash of the input file."""

    timed: Timed
    sample_rate: int
    sha256: str | None

    def about(self) -> dict[str, Any]:
        """The entry in the folder's record."""
        enhanced = self.timed.enhanced
        return {
            "input_sha256": self.sha256,
            "sample_rate": self.sample_rate,
            "model_rate": enhanced.model_rate,
            "seconds": enhanced.audio.size / self.sample_rate,
            "nfe": enhanced.nfe,
            "enhance_seconds": self.timed.seconds,
            **({"adjusted": dict(enhanced.adjusted)} if enhanced.adjusted else {}),
            **({"computing": dict(self.timed.computing)} if self.timed.computing else {}),
        }


@dataclass(frozen=True)
class Result:
    """The result: the numbers of newly enhanced and of existing files, the reasons of failures, and the rates in Hz at
    which the method worked if it resampled.
    """

    made: int
    there: int
    failures: Sequence[str]
    model_rates: Sequence[int] = ()


class Enhancer:
    """Turns inputs into enhanced speech, each or into the reason of its failure. One per process."""

    def __init__(self, way: Way) -> None:
        keep_freed_memory()
        self._way = way
        self._inference = Inference(way.recipe.build(way.device), way.batch, way.piece)

    def __call__(self, items: Sequence[Input]) -> list[Made | str]:
        read = [self._read(item) for item in items]
        timed = iter(self._inference.many([request for request in read if isinstance(request, Request)]))
        return [
            self._made(item, request, next(timed)) if isinstance(request, Request) else request
            for item, request in zip(items, read, strict=True)
        ]

    def _read(self, item: Input) -> Request | str:
        try:
            return self._request(item)
        except Exception as error:  # one bad file must not end the others
            return _reason(item, error)

    def _request(self, item: Input) -> Request:
        way, method = self._way, self._inference.method
        recording = load(item, way)
        if way.rate == "model" and method.sample_rate:
            at_rate = audio.resample(recording.noisy, recording.sample_rate, method.sample_rate)
            if at_rate.size == 0:
                raise UserError(f"{item.path}: too short for a sample at {method.sample_rate} Hz")
            recording = replace(recording, noisy=at_rate, sample_rate=method.sample_rate)
        steps = way.steps if method.uses_steps else None
        generator = torch.Generator().manual_seed(stable_seed(way.seed, item.name, way.recipe.name, steps))
        return Request(recording, steps, generator)

    def _made(self, item: Input, request: Request, timed: Timed | Exception) -> Made | str:
        if isinstance(timed, Exception):
            return _reason(item, timed)
        return Made(timed, request.utterance.sample_rate, digest(item.path))


def _reason(item: Input, error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    return " ".join(f"{item.path}: {type(error).__name__}: {error}".split())[:300]


def load(item: Input, way: Way) -> Utterance:
    """Read the recording. Raises ``UserError`` if that fails."""
    noisy, rate = audio.read(item.path, mixdown=way.mixdown, channel=way.channel)
    return Utterance(item.name, noisy, rate)


def enhance(
    inputs: Sequence[Input],
    way: Way,
    folder: EnhancedFolder,
    pool: Pool,
    complain: Callable[[str], None],
) -> Result:
    """Enhance all recordings that are not in ``folder`` yet; ``complain`` is called once for every file that fails.

    Args:
        folder: opened for writing by this process.

    Raises:
        UserError: a file would be overwritten, or the folder cannot be written.
    """
    folder.check_free(item.name for item in inputs)
    waiting, failures = [], []
    for item in inputs:
        done = folder.done(item.name)
        if done is None:
            waiting.append(item)
        elif done.get("input_sha256") != digest(item.path):
            path = folder.path(item.name)
            failures.append(f"{path}: made of what {item.path} was before it changed; remove it to have it made again")
    there = len(inputs) - len(waiting) - len(failures)
    for failure in failures:
        complain(failure)
    rates: set[int] = set()
    with closing(_work(waiting, way, pool)) as work, progress(len(waiting), "files") as advance:
        for item, made in work:
            if isinstance(made, Made):
                folder.write(item.name, made.timed.enhanced.audio, made.sample_rate, made.about())
                rates.update(filter(None, [made.timed.enhanced.model_rate]))
            else:
                failures.append(made)
                complain(made)
            advance(len(failures))
    return Result(len(inputs) - there - len(failures), there, failures, sorted(rates))


def _work(waiting: Sequence[Input], way: Way, pool: Pool) -> Generator[tuple[Input, Made | str], None, None]:
    if not waiting:
        return
    if len(waiting) == 1:
        pool = replace(pool, workers=0)
    size = way.batch if isinstance(way.batch, int) else 1 if way.device == "cpu" else LARGEST
    together = [waiting[start : start + size] for start in range(0, len(waiting), size)]
    with closing(map_unordered(together, partial(Enhancer, way), pool)) as work:
        for items, result in work:
            for index, item in enumerate(items):
                yield item, f"{item.path}: {result.reason}" if isinstance(result, WorkerDied) else result[index]


def how(way: Way, method: Method) -> Mapping[str, Any]:
    """The settings that two calls must share to write to one folder; the device is not among them."""
    return {
        "method": way.recipe.name,
        "options": {name: value for name, value in way.recipe.options.items() if name != "device"},
        "provenance": {name: value for name, value in method.provenance().items() if name != "device"},
        "steps": way.steps if method.uses_steps else None,
        "seed": way.seed if method.stochastic else None,
        "rate": way.rate,
        "channel": way.channel,
        "mixdown": way.mixdown,
    }
