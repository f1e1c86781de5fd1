"""Looking a test set's recordings up in a training's: candidates by equal words of the prints, then bit by bit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.datasets.leaks.prints import RESPONSE, SHIFTS, Print, likeness
from bench.datasets.leaks.sources import Source, Sources, tells

What = Literal["clip", "speaker", "noise", "room", "corpus"]

CANDIDATES = 20
"""Places of a print that are compared bit by bit."""

FRAMES = 10
"""Frames (of 32 ms) that two recordings share at least: half a second."""

FEW = 64
"""Frames of a short recording, of which words that differ in one bit are looked up too."""

MOST_DIFFERENT = 0.3
"""Share of different bits up to which long recordings are the same; unrelated ones differ in half of theirs."""

DEVIATIONS = 8
"""By how many standard deviations of unrelated recordings' share short ones must be below a half."""

DEPENDENT = 1.7
"""By how much that deviation is larger than of independent bits, since neighbouring frames overlap (measured)."""

ALIKE = 0.5
"""Correlation of two room responses from which on they are the same; of different ones it stays below 0.25."""


@dataclass(frozen=True)
class Leak:
    """Something of a test recording that is in a training.

    Attributes:
        what: its speech, its speaker, its noise or its room.
        utterance: the test recording.
        trained: what it is in the training.
        how: by content or by name.
    """

    what: What
    utterance: str
    trained: str
    how: Literal["content", "name"]


class Training:
    """A training's sources, ready to be looked into."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._sounds = [one for one in sources.items if one.kind != "room" and one.print.size]
        self._rooms = [one for one in sources.items if one.kind == "room" and one.print.size]
        self._responses = np.concatenate([np.zeros((0, RESPONSE), np.int8), *(one.print for one in self._rooms)])
        sizes = [one.print.size for one in self._sounds]
        self._starts = np.cumsum([0, *sizes])
        everything = np.concatenate([np.zeros(0, np.uint32), *(one.print for one in self._sounds)])
        self._order = np.argsort(everything, kind="stable")
        self._words = everything[self._order]

    @cached_property
    def owners(self) -> Mapping[tuple[str, str], str]:
        """Names of speakers, noise recordings and rooms by kind and name without case."""
        return {(one.kind, _key(one.kind, one.owner)): one.owner for one in self.sources.items if one.owner}

    def leaks(self, test: Iterable[Source], corpora: tuple[str, ...] = ()) -> Iterator[Leak]:
        """Everything of these recordings that is in the training, each once a recording and kind."""
        for one in test:
            found = self.by_content(one)
            if found is not None:
                yield Leak(one.kind, one.name, found.name, "content")
            what: What = "speaker" if one.kind == "clip" else one.kind
            if (what == "speaker" or found is None) and (owner := self.by_name(one, corpora)):
                yield Leak(what, one.name, owner, "name")

    def by_name(self, one: Source, corpora: tuple[str, ...]) -> str | None:
        """The speaker, noise recording or room of this name in the training, if it must be the same."""
        owner = self.owners.get((one.kind, _key(one.kind, one.owner)))
        if not one.owner or owner is None:
            return None
        ours = {corpus.casefold() for corpus in self.sources.corpora}
        theirs = {corpus.casefold() for corpus in corpora}
        return owner if (ours & theirs if ours and theirs else tells(_key(one.kind, one.owner))) else None

    def by_content(self, one: Source) -> Source | None:
        """The recording of the training of which this is a copy."""
        if one.kind == "room":
            found = likeness(one.print, self._responses)
            return self._rooms[int(found.argmax())] if found.size and found.max() >= ALIKE else None
        for place, offset, shift in self._candidates(one.print):
            known = self._sounds[place]
            if known.kind == one.kind and _same(one.print[shift::SHIFTS], known.print, offset):
                return known
        return None

    def _candidates(self, print_: Print) -> list[tuple[int, int, int]]:
        """Recording, frame of it at which the looked-up one begins, and shift: those with most equal words first."""
        votes: Counter[tuple[int, int, int]] = Counter()
        frames = np.flatnonzero(print_)
        words = print_[frames]
        if print_.size <= FEW * SHIFTS:
            words = np.concatenate([words, *(words ^ np.uint32(1 << bit) for bit in range(32))])
            frames = np.tile(frames, 33)
        left = np.searchsorted(self._words, words, "left")
        right = np.searchsorted(self._words, words, "right")
        for frame, first, last in zip(frames, left, np.minimum(right, left + 200), strict=True):
            for position in self._order[first:last]:
                place = int(np.searchsorted(self._starts, position, "right")) - 1
                offset = int(position - self._starts[place]) - int(frame) // SHIFTS
                votes[place, offset, int(frame) % SHIFTS] += 1
        return [candidate for candidate, _ in votes.most_common(CANDIDATES)]


def _same(one: Print, other: Print, offset: int) -> bool:
    """Whether two prints are the same where they overlap, the first beginning at frame ``offset`` of the other."""
    start, end = max(0, offset), min(other.size, offset + one.size)
    if end - start < FRAMES:
        return False
    left, right = one[start - offset : end - offset], other[start:end]
    both = (left != 0) & (right != 0)
    count = int(both.sum())
    if count < FRAMES:
        return False
    bits: NDArray[np.uint8] = np.unpackbits((left ^ right)[both].view(np.uint8))
    deviation = DEPENDENT * 0.5 / np.sqrt(32 * count)
    return bool(bits.mean() < min(MOST_DIFFERENT, 0.5 - DEVIATIONS * deviation))


def _key(kind: str, owner: str) -> str:
    name = owner.rpartition("/")[2] if kind == "noise" else owner
    return (re.sub(r"[-_]([A-Za-z]|\d{1,3})$", "", name) if kind == "noise" else name).casefold()
