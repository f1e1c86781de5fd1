"""Enhance recordings and measure their time; used by ``bench run`` and ``bench enhance``."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from bench.core.errors import UserError
from bench.core.types import Audio, Tag, Utterance
from bench.run.batch_size import Batch, BatchSize, out_of_memory
from bench.run.timing import Stopwatch
from methods.base import Enhanced, Method
from methods.pieces import OVERLAP_SECONDS, cut, generators, joined

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Request:
    """A recording to enhance in ``steps`` reverse steps (None: the method's default), with its own noise."""

    utterance: Utterance
    steps: int | None
    generator: torch.Generator


@dataclass(frozen=True)
class Timed:
    """Enhanced speech, and how it was computed.

    Attributes:
        seconds: wall-clock time; of a batch, each clip's share.
        computing: what was not done one clip at a time, as a row stores it: ``batch``, the number of clips that went
            through the networks together; ``pieces``, into how many a long recording was cut, whose ``nfe`` is then
            that of one piece, the largest; and what the method says of itself (precision, compilation).
    """

    enhanced: Enhanced
    seconds: float
    computing: Mapping[str, Tag] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    """A recording, or a piece of one, of which ``request`` is the index; with its reference for an oracle."""

    request: int
    noisy: Audio
    sample_rate: int
    steps: int | None
    generator: torch.Generator
    utterance_id: str | None
    clean: Audio | None = None


class Inference:
    """Runs a method. Before its first recording, a short untimed call warms it up.

    Args:
        batch: at most so many clips go through the networks together, where the method ``batches``; fewer where memory
            runs out. See ``BatchSize``.
        piece: recordings longer than this many seconds are enhanced in overlapping pieces, where the method allows it;
            None: never.
    """

    def __init__(self, method: Method, batch: Batch = 1, piece: float | None = None) -> None:
        self.method = method
        self._piece = piece if method.in_pieces else None
        self._size = BatchSize(batch if method.batches else 1, self.device)
        self._warm = False

    @property
    def device(self) -> str:
        """The method's device: "cpu", "cuda", ..."""
        return str(getattr(self.method, "device", "cpu"))

    def __call__(self, utterance: Utterance, steps: int | None, generator: torch.Generator) -> Timed:
        """Enhance one recording.

        Raises:
            UserError: the recording cannot be enhanced, or the output differs in length or is not finite.
        """
        (made,) = self.many([Request(utterance, steps, generator)])
        if isinstance(made, Exception):
            raise made
        return made

    def many(self, requests: Sequence[Request]) -> list[Timed | Exception]:
        """Enhance recordings, in order; those of one rate, padded length and number of steps in batches.

        A recording that cannot be enhanced gives the exception, and does not affect the others.
        """
        if requests and not self._warm:
            _warm_up(self.method, requests[0].utterance.sample_rate)
            self._warm = True
        where = [self._cut(request.utterance) for request in requests]
        parts = [part for index, request in enumerate(requests) for part in self._parts(index, request, where[index])]
        alike: dict[object, list[int]] = {}
        for i, part in enumerate(parts):
            alike.setdefault((part.sample_rate, part.steps, self._length(part)), []).append(i)
        made: dict[int, Timed | Exception] = {}
        for indices in alike.values():
            made.update(zip(indices, self._in_batches([parts[i] for i in indices]), strict=True))
        own: list[list[Timed | Exception]] = [[] for _ in requests]
        for i, part in enumerate(parts):
            own[part.request].append(made[i])
        return [
            _finished(outcomes, cuts, request.utterance)
            for outcomes, cuts, request in zip(own, where, requests, strict=True)
        ]

    def _cut(self, utterance: Utterance) -> list[slice]:
        rate, samples = utterance.sample_rate, utterance.noisy.size
        if self._piece is None:
            return [slice(0, samples)]
        return cut(samples, round(self._piece * rate), round(OVERLAP_SECONDS * rate))

    def _parts(self, index: int, request: Request, where: Sequence[slice]) -> Iterator[_Part]:
        utterance = request.utterance
        name = utterance.id if self.method.needs_id else None
        clean = utterance.clean if self.method.needs_clean else None
        for own, generator in zip(where, generators(request.generator, len(where)), strict=True):
            reference = None if clean is None else clean[own]
            yield _Part(index, utterance.noisy[own], utterance.sample_rate, request.steps, generator, name, reference)

    def _length(self, part: _Part) -> int:
        """The length to which the part is padded, at the method's rate."""
        rate = self.method.sample_rate or part.sample_rate
        return self.method.padded_length(math.ceil(part.noisy.size * rate / part.sample_rate))

    def _in_batches(self, parts: Sequence[_Part]) -> list[Timed | Exception]:
        """Enhance parts of one length, in batches as large as fit."""
        length, done = self._length(parts[0]), list[Timed | Exception]()
        while len(done) < len(parts):
            size = min(self._size.of(length), len(parts) - len(done))
            batch = parts[len(done) : len(done) + size]
            made = self._together(batch, length)
            if not isinstance(made, Exception):
                done += made
            elif size == 1:
                done.append(_explained(made))
            elif out_of_memory(made):
                self._size.lower(length, size)
            else:  # one of them fails: which?
                done += [one for part in batch for one in self._in_batches([part])]
        return done

    def _together(self, parts: Sequence[_Part], length: int) -> list[Timed] | Exception:
        """One batch, or why it failed, without the traceback, which would keep its tensors in memory."""
        first = parts[0]
        references = {"clean": [part.clean for part in parts]} if self.method.needs_clean else {}
        try:
            with self._size.measured(length, len(parts)), Stopwatch(self.device) as watch:
                made = self.method.enhance_batch(
                    [part.noisy for part in parts],
                    first.sample_rate,
                    first.steps,
                    [part.generator for part in parts],
                    utterance_ids=[part.utterance_id for part in parts],
                    batch=len(parts),
                    **references,
                )
        except Exception as error:
            return error if len(parts) == 1 and not out_of_memory(error) else error.with_traceback(None)
        computing = {"batch": len(parts)} if len(parts) > 1 else {}
        share = watch.seconds / len(parts)
        return [
            Timed(one, share if one.seconds is None else one.seconds, {**one.computing, **computing}) for one in made
        ]


def _explained(error: Exception) -> Exception:
    if not out_of_memory(error):
        return error
    return UserError("out of memory, with this clip alone: enhance long recordings in shorter pieces (piece=SECONDS)")


def _finished(made: Sequence[Timed | Exception], where: Sequence[slice], utterance: Utterance) -> Timed | Exception:
    """The recording from its pieces, checked."""
    timed = [one for one in made if isinstance(one, Timed)]
    if len(timed) < len(made):
        return next(one for one in made if isinstance(one, Exception))
    whole = timed[0] if len(timed) == 1 else _joined(timed, where)
    audio = whole.enhanced.audio
    if audio.shape != utterance.noisy.shape:
        return UserError(f"the enhanced speech has the shape {list(audio.shape)}, noisy {list(utterance.noisy.shape)}")
    if not np.isfinite(audio).all():
        return UserError("the enhanced speech holds NaN or infinity")
    return whole


def _joined(pieces: Sequence[Timed], where: Sequence[slice]) -> Timed:
    enhanced = [piece.enhanced for piece in pieces]
    estimates = [one.estimate for one in enhanced if one.estimate is not None]
    whole = replace(
        enhanced[0],
        audio=joined([one.audio for one in enhanced], where),
        estimate=joined(estimates, where) if estimates else None,
        nfe=max(one.nfe for one in enhanced),
    )
    computing = {**pieces[0].computing, "pieces": len(pieces)}
    return Timed(whole, sum(piece.seconds for piece in pieces), computing)


def _warm_up(method: Method, sample_rate: int) -> None:
    """One short call, because the first one allocates, loads and tunes. Its failure is ignored."""
    if method.needs_id or method.needs_clean or method.ahead:
        return
    noise = np.random.default_rng(0).normal(size=int(WARM_UP_SECONDS * sample_rate)).astype(np.float32) * 0.1
    with contextlib.suppress(Exception):
        method.enhance(noise, sample_rate, 1 if method.uses_steps else None, 0)
