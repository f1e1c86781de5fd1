"""Write stimuli under opaque names, and the pages with them."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.files import sha256
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from listening_test.design.conditions import REFERENCE, Condition
from listening_test.design.mapping import Answer, Kind, Page, Tone
from listening_test.design.order import reversed_order
from listening_test.stimuli import tones
from listening_test.stimuli.making import Cut, Made

AUDIO = "audio"

GAP = 0.5
"""Seconds between the two recordings of a pair."""

WRITTEN = 946_684_800
"""The modification time of every served file, in seconds since 1970: the order of writing is that of the conditions."""


def opaque(secret: str, letter: str, *parts: object) -> str:
    """A name that reveals nothing without the secret, and is preserved by webMUSHRA and pymushra.

    It begins with a letter, so that it is never read as a number; hexadecimal digits follow.
    """
    return f"{letter}{stable_seed('listening test', secret, *parts):016x}"[:13]


class Writer:
    """Writes stimuli to ``folder``, and builds the pages with them.

    Args:
        cuts: of the clips, by opaque name.
    """

    def __init__(
        self,
        folder: Path,
        kind: Kind,
        conditions: Sequence[Condition],
        secret: str,
        made: Sequence[Made],
        cuts: Mapping[str, Cut],
    ) -> None:
        self.folder, self.kind, self.conditions, self.secret, self.cuts = folder, kind, conditions, secret, cuts
        self.made = {self._name("s", one.stimulus.clip, one.stimulus.condition): one for one in made}
        self._written: dict[str, Answer] = {}
        self._names = {(one.stimulus.clip, one.stimulus.condition): name for name, one in self.made.items()}

    def pages(
        self, clips: Sequence[str], *, training: bool = False, mirrored: bool = False, repeats: int = 0
    ) -> dict[str, Page]:
        """The pages of ``clips``: one per clip, or one page that webMUSHRA itself splits.

        Args:
            mirrored: whether pairs are heard in the other order.
            repeats: so many clips, drawn by chance, are rated twice.
        """
        twice = random.Random(self._name("r", *clips)).sample(clips, min(repeats, len(clips)))
        asked = [*((clip, turn, False) for turn, clip in enumerate(clips))]
        asked += [(clip, clips.index(clip), True) for clip in twice]
        match self.kind:
            case "mushra":
                return {self._name("p", clip, again): self._mushra(clip, training, again) for clip, _, again in asked}
            case "abx":
                pages = (self._abx(clip, turn, training, mirrored, again) for clip, turn, again in asked)
                return dict(itertools.chain.from_iterable(pages))
            case "mos":
                answers = dict(self._one(name, again) for clip, _, again in asked for name in self._of(clip))
            case _:
                pairs = (self._pairs(clip, turn, mirrored, again) for clip, turn, again in asked)
                answers = dict(itertools.chain.from_iterable(pairs))
        return {self._name("p", *clips, mirrored): Page(training, answers)}

    def volume(self) -> Answer:
        """The stimulus for adjusting the volume: the first condition of the last clip (a practice clip if any)."""
        return self._one(list(self.made)[-len(self.conditions)], False)[1]

    def tones(self) -> dict[str, Tone]:
        """The headphone check's tones, by key."""
        found = {}
        for number, (right, samples) in enumerate(tones.trials()):
            key = self._name("t", number)
            file = f"{AUDIO}/{key}.wav"
            audio.write(self.folder / file, samples, tones.RATE, subtype="PCM_16")
            found[key] = Tone(file, sha256(self.folder / file), right)
        return found

    def finish(self) -> None:
        """Give every file the same modification time."""
        for path in self.folder.rglob("*"):
            os.utime(path, (WRITTEN, WRITTEN))

    def _name(self, letter: str, *parts: object) -> str:
        return opaque(self.secret, letter, *parts)

    def _mushra(self, clip: str, training: bool, again: bool) -> Page:
        reference = self._names[clip, REFERENCE.label]
        answers = dict(self._one(name, again) for name in self._of(clip) if name != reference)
        return Page(training, answers, self._one(reference, again)[1])

    def _abx(self, clip: str, turn: int, training: bool, mirrored: bool, again: bool) -> Iterable[tuple[str, Page]]:
        for first, second in self._couples(clip, turn, mirrored):
            key, other = self._one(second, again)
            page = Page(training, {key: other}, self._one(first, again)[1])
            yield self._name("p", first, second, again), page

    def _pairs(self, clip: str, turn: int, mirrored: bool, again: bool) -> Iterable[tuple[str, Answer]]:
        for couple in self._couples(clip, turn, mirrored):
            key = self._name("s", *couple, again)
            yield key, self._write(key, couple, again)

    def _couples(self, clip: str, turn: int, mirrored: bool) -> Iterable[tuple[str, str]]:
        names = self._of(clip)
        for one, other in itertools.combinations(range(len(names)), 2):
            turned = reversed_order(one, other, len(names), turn, mirrored)
            yield (names[other], names[one]) if turned else (names[one], names[other])

    def _of(self, clip: str) -> list[str]:
        return [self._names[clip, condition.label] for condition in self.conditions]

    def _one(self, name: str, again: bool) -> tuple[str, Answer]:
        key = self._name("s", name, again) if again else name
        return key, self._write(key, (name,), again)

    def _write(self, name: str, parts: tuple[str, ...], again: bool) -> Answer:
        if name not in self._written:
            rate = self.cuts[self.made[parts[0]].stimulus.clip].sample_rate
            pause = np.zeros(round(GAP * rate), dtype=np.float32)
            samples: list[Audio] = [self.made[parts[0]].samples]
            for part in parts[1:]:
                samples += [pause, self.made[part].samples]
            file = f"{AUDIO}/{name}.wav"
            audio.write(self.folder / file, np.concatenate(samples), rate, subtype="PCM_16")
            self._written[name] = Answer(file, sha256(self.folder / file), parts, again)
        return self._written[name]
