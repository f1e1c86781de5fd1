"""Export a listening test to a folder.

``served/`` contains a configuration for each group of listeners and the stimuli under opaque names. ``mapping.json``
(what each name is), ``choice.csv`` (why each clip was chosen) and ``texts.yaml`` (what listeners read) lie outside it
and are not served.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core import tables
from bench.core.errors import UserError
from bench.core.files import naming, replacing
from bench.core.types import Utterance
from listening_test.design.conditions import REFERENCE, Condition
from listening_test.design.mapping import Heard, Kind, Page, Test
from listening_test.design.select import Candidate
from listening_test.stimuli import making as stimuli
from listening_test.stimuli.making import Cut, Made
from listening_test.webmushra import texts
from listening_test.webmushra.configuration import to_yaml
from listening_test.webmushra.pages import Presentation, configuration
from listening_test.webmushra.writing import Writer, opaque
from results.store.folder import Store
from results.store.rows import Key

SERVED = "served"
MOST_SIGNALS = 12
"""Stimuli per page by BS.1534-3, including hidden reference and anchors."""


@dataclass(frozen=True)
class Design:
    """The design of a test: clips and conditions, before any audio is read.

    Attributes:
        groups: the clips of each group of listeners.
        training: clips for practice, the same for all groups.
        longest, fade: in seconds.
        loudness: in LUFS; reduced if a peak would be too high.
        presentation: what listeners read, and what a page asks for before the next.
        config: the user's settings, stored with the test.
        repeats: so many clips of each group are rated twice.
        headphones_check: whether listeners are asked to prove that they wear headphones.
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
    presentation: Presentation
    config: Mapping[str, Any]
    repeats: int = 0
    headphones_check: bool = False

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
        if self.repeats > (fewest := min(map(len, self.groups))):
            raise UserError(f"repeats: {self.repeats} clips are to be rated twice, but a group has {fewest}")


def export(
    design: Design,
    folder: Path,
    store: Store,
    load: Callable[[Candidate], Utterance],
    origin: Callable[[Candidate], Key],
    fingerprints: Mapping[str, str],
) -> Test:
    """Write ``design`` to ``folder``: the same stimuli for the same design, under new names each time.

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
    secret = secrets.token_hex(16)
    clips = [(clip, False) for group in design.groups for clip in group]
    clips += [(clip, True) for clip in design.training]
    names = {clip.name: opaque(secret, "c", clip.name) for clip, _ in clips}
    cuts: dict[str, Cut] = {}
    made: list[Made] = []
    for clip, _ in clips:
        name = names[clip.name]
        cuts[name], new = stimuli.make(
            name, clip, design.conditions, store, load, origin(clip), design.longest, design.fade
        )
        made += new
    reached, made = stimuli.level(made, design.loudness)
    writer = Writer(folder / SERVED, design.kind, design.conditions, secret, made, cuts)
    pages, groups = _pages(design, writer, names)
    test = Test(
        name=f"{design.kind}_{_digest([secret, design.config])[:10]}",
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
        secret=secret,
        tones=writer.tones() if design.headphones_check else {},
    )
    for group in groups:
        with replacing(folder / SERVED / f"{group}.yaml") as temporary:
            temporary.write_text(to_yaml(configuration(test, group, design.presentation)), encoding="utf-8")
    writer.finish()
    texts.write(design.presentation.words, folder)
    test.write(folder)
    return test


def _pages(
    design: Design, writer: Writer, names: Mapping[str, str]
) -> tuple[dict[str, Page], dict[str, tuple[str, ...]]]:
    """Every page, and those of each group; pairs make two groups of each, which hear them in opposite orders."""
    training = {
        page: content
        for clip in design.training
        for page, content in writer.pages([names[clip.name]], training=True).items()
    }
    pages = dict(training)
    groups: dict[str, tuple[str, ...]] = {}
    for group in design.groups:
        for mirrored in (False, True) if design.paired else (False,):
            clips = [names[clip.name] for clip in group]
            own = writer.pages(clips, mirrored=mirrored, repeats=design.repeats)
            pages |= own
            groups[f"group{len(groups) + 1}"] = (*training, *own)
    return pages, groups


def write_choice(records: Iterable[Mapping[str, Any]], folder: Path) -> Path:
    """Write ``choice.csv``: for every recording of the run, whether it was chosen, and why."""
    return tables.write(pd.DataFrame(list(records)), folder / "choice.csv")


def _heard(clip: Candidate, cut: Cut, training: bool) -> Heard:
    return Heard(clip.dataset, clip.utterance, cut.sample_rate, cut.start, cut.samples, training, dict(clip.tags))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
