"""Export a listening test to a folder.

``served/`` contains a configuration for each group of listeners and the stimuli under opaque names. ``mapping.json``
(what each name is) and ``choice.csv`` (why each clip was chosen) lie outside it and are not served.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core import audio, tables
from bench.core.errors import UserError
from bench.core.files import naming, replacing, sha256
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Utterance
from listening_test.design.conditions import REFERENCE, Condition
from listening_test.design.mapping import Answer, Heard, Kind, Page, Test
from listening_test.design.select import Candidate
from listening_test.stimuli import making as stimuli
from listening_test.stimuli.making import Cut, Made
from listening_test.webmushra.configuration import to_yaml
from listening_test.webmushra.pages import configuration
from results.store.folder import Store
from results.store.rows import Key

SERVED, AUDIO = "served", "audio"
MOST_SIGNALS = 12
"""Stimuli per page by BS.1534-3, including hidden reference and anchors."""

GAP = 0.5
"""Seconds between the two recordings of a pair."""


@dataclass(frozen=True)
class Design:
    """The design of a test: clips and conditions, before any audio is read.

    Attributes:
        groups: the clips of each group of listeners.
        training: clips for practice, the same for all groups.
        longest, fade: in seconds.
        loudness: in LUFS; reduced if a peak would be too high.
        instructions: HTML of the first page.
        config: the user's settings, stored with the test.
    """

    kind: Kind
    systems: Sequence[Condition]
    anchors: Sequence[Condition]
    groups: Sequence[Sequence[Candidate]]
    training: Sequence[Candidate]
    seed: int
    longest: float
    fade: float
    loudness: float
    title: str
    instructions: str
    config: Mapping[str, Any]

    @property
    def conditions(self) -> list[Condition]:
        """All presented conditions: systems and anchors, and except in paired tests the reference."""
        reference = [] if self.paired else [REFERENCE]
        return [*reference, *self.anchors, *self.systems]

    @property
    def paired(self) -> bool:
        return self.kind in ("ab", "abx", "ccr")

    def check(self) -> None:
        """Raise ``UserError`` if the design is not feasible."""
        heard = len(self.conditions)
        if self.kind == "mushra" and heard > MOST_SIGNALS:
            raise UserError(
                f"conditions: {heard} signals on a page, hidden reference and anchors counted; BS.1534-3 and "
                f"webMUSHRA allow {MOST_SIGNALS}"
            )
        if self.paired and heard < 2:
            raise UserError(f"conditions: kind={self.kind} compares two; name another, or an anchor")


def export(
    design: Design,
    folder: Path,
    store: Store,
    load: Callable[[Candidate], Utterance],
    origin: Callable[[Candidate], Key],
    fingerprints: Mapping[str, str],
) -> Test:
    """Write ``design`` to ``folder``; the same design gives the same bytes.

    Args:
        store: of the run.
        load, origin: return the recording of a clip, and a row of it.
        fingerprints: of the datasets.

    Raises:
        UserError: the folder is in use, or a stimulus cannot be made.
    """
    design.check()
    with naming(folder):
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: the output folder is in use; name another with out=..., or remove it")
    clips = [(clip, False) for group in design.groups for clip in group]
    clips += [(clip, True) for clip in design.training]
    names = {clip.name: _opaque("c", design.seed, clip.name) for clip, _ in clips}
    cuts: dict[str, Cut] = {}
    made: list[Made] = []
    for clip, _ in clips:
        name = names[clip.name]
        cuts[name], new = stimuli.make(
            name, clip, design.conditions, store, load, origin(clip), design.longest, design.fade
        )
        made += new
    reached, made = stimuli.level(made, design.loudness)
    writer = _Writer(folder / SERVED, design, made, cuts)
    training = {page: content for clip in design.training for page, content in writer.pages([names[clip.name]], True)}
    groups: dict[str, tuple[str, ...]] = {}
    pages = dict(training)
    for number, group in enumerate(design.groups, start=1):
        own = dict(writer.pages([names[clip.name] for clip in group], False))
        pages |= own
        groups[f"group{number}"] = (*training, *own)
    test = Test(
        name=f"{design.kind}_{_digest([design.config, [one.stimulus.source_sha256 for one in made]])[:10]}",
        kind=design.kind,
        run=str(store.folder.resolve()),
        fingerprints=fingerprints,
        loudness=round(reached, 2),
        config=design.config,
        conditions={condition.label: condition for condition in design.conditions},
        clips={names[clip.name]: _heard(clip, cuts[names[clip.name]], training) for clip, training in clips},
        stimuli={name: one.stimulus for name, one in writer.made.items()},
        pages=pages,
        groups=groups,
        volume=writer.volume(),
    )
    for group_name in groups:
        with replacing(folder / SERVED / f"{group_name}.yaml") as temporary:
            text = to_yaml(configuration(test, group_name, design.title, design.instructions))
            temporary.write_text(text, encoding="utf-8")
    test.write(folder)
    return test


def write_choice(records: Iterable[Mapping[str, Any]], folder: Path) -> Path:
    """Write ``choice.csv``: for every recording of the run, whether it was chosen, and why."""
    return tables.write(pd.DataFrame(list(records)), folder / "choice.csv")


class _Writer:
    """Writes stimuli under opaque names, and builds the pages with them."""

    def __init__(self, folder: Path, design: Design, made: Sequence[Made], cuts: Mapping[str, Cut]) -> None:
        self.folder, self.design, self.cuts = folder, design, cuts
        self.made = {_opaque("s", design.seed, one.stimulus.clip, one.stimulus.condition): one for one in made}
        self._written: dict[str, Answer] = {}
        self._names = {(one.stimulus.clip, one.stimulus.condition): name for name, one in self.made.items()}

    def pages(self, clips: Sequence[str], training: bool) -> list[tuple[str, Page]]:
        """The pages of ``clips``: one per clip, or one page that webMUSHRA itself splits."""
        match self.design.kind:
            case "mushra":
                return [(self._page(clip), self._mushra(clip, training)) for clip in clips]
            case "abx":
                return [page for clip in clips for page in self._abx(clip, training)]
            case "mos":
                answers = dict(self._one(name) for clip in clips for name in self._of(clip))
            case _:
                answers = dict(pair for clip in clips for pair in self._pairs(clip))
        return [(self._page(*clips), Page(training, answers))]

    def volume(self) -> Answer:
        """The stimulus for adjusting the volume: the first condition of the last clip (a practice clip if any)."""
        return self._one(list(self.made)[-len(self.design.conditions)])[1]

    def _page(self, *names: str) -> str:
        return _opaque("p", self.design.seed, *names)

    def _mushra(self, clip: str, training: bool) -> Page:
        reference = self._names[clip, REFERENCE.label]
        answers = dict(self._one(name) for name in self._of(clip) if name != reference)
        return Page(training, answers, self._one(reference)[1])

    def _abx(self, clip: str, training: bool) -> Iterable[tuple[str, Page]]:
        for first, second in self._couples(clip):
            key, other = self._one(second)
            yield self._page(first, second), Page(training, {key: other}, self._one(first)[1])

    def _pairs(self, clip: str) -> Iterable[tuple[str, Answer]]:
        for couple in self._couples(clip):
            key = _opaque("s", self.design.seed, *couple)
            yield key, self._write(key, couple)

    def _couples(self, clip: str) -> Iterable[tuple[str, str]]:
        """Every pair of conditions; their order alternates over the clips."""
        turn = list(self.cuts).index(clip)
        for index, (one, other) in enumerate(itertools.combinations(self._of(clip), 2)):
            yield (one, other) if (turn + index) % 2 else (other, one)

    def _of(self, clip: str) -> list[str]:
        return [self._names[clip, condition.label] for condition in self.design.conditions]

    def _one(self, name: str) -> tuple[str, Answer]:
        return name, self._write(name, (name,))

    def _write(self, name: str, parts: tuple[str, ...]) -> Answer:
        if name not in self._written:
            rate = self.cuts[self.made[parts[0]].stimulus.clip].sample_rate
            pause = np.zeros(round(GAP * rate), dtype=np.float32)
            samples: list[Audio] = [self.made[parts[0]].samples]
            for part in parts[1:]:
                samples += [pause, self.made[part].samples]
            file = f"{AUDIO}/{name}.wav"
            audio.write(self.folder / file, np.concatenate(samples), rate, subtype="PCM_16")
            digest = sha256(self.folder / file)
            self._written[name] = Answer(file, digest, parts)
        return self._written[name]


def _heard(clip: Candidate, cut: Cut, training: bool) -> Heard:
    return Heard(clip.dataset, clip.utterance, cut.sample_rate, cut.start, cut.samples, training, dict(clip.tags))


def _opaque(letter: str, *parts: object) -> str:
    """A deterministic name that reveals nothing and is preserved by webMUSHRA and pymushra.

    It begins with a letter, so that it is never read as a number; hexadecimal digits follow.
    """
    return f"{letter}{stable_seed('listening test', *parts):016x}"[:13]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
