"""What a check of the audio found amiss, and what was done to enhanced files that did not fit: by recording and method.

A finding of the noisy or the clean recording is of that recording, whatever method enhanced it; one of the enhanced
speech, and every adjustment, is of the method that made it (``bench.core.findings`` has the names).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bench.core.findings import DEGENERATE, explain, kind
from bench.core.types import Tag
from results.statistics.analysis import Analysis
from results.statistics.panel import System
from results.store.rows import Row

About = Literal["found", "adjusted"]
ABOUT: tuple[About, ...] = ("found", "adjusted")


@dataclass(frozen=True)
class Noted:
    """One thing that rows say of a system's output, or of the recordings themselves.

    Attributes:
        name: of the finding or adjustment.
        system: None where it is about the recordings.
        recordings: the value of each; of several seeds the first's.
    """

    about: About
    name: str
    system: System | None
    recordings: Mapping[str, Tag]

    @property
    def example(self) -> str:
        """One recording, and what its value means."""
        utterance, value = next(iter(self.recordings.items()))
        return f"{utterance}: {meaning(self.about, self.name, value)}"


def meaning(about: About, name: str, value: Tag) -> str:
    """A sentence for a finding; an adjustment's name and value."""
    return explain(name, value) if about == "found" else f"{name}: {value}"


def noted(analysis: Analysis) -> list[Noted]:
    """All that rows say, by name; of one name the recordings' first, then the systems' in their order."""
    values: dict[tuple[About, str, int], dict[str, Tag]] = {}
    for number, system in enumerate(analysis.panel.systems):
        for row in system.rows:
            for about, name, value in _said(row):
                own = about == "adjusted" or not kind(name)[0]
                values.setdefault((about, name, number if own else -1), {}).setdefault(row.key.utterance, value)
    systems = {**dict(enumerate(analysis.panel.systems)), -1: None}
    return [Noted(*key[:2], systems[key[2]], dict(sorted(values[key].items()))) for key in sorted(values)]


def remarks(analysis: Analysis, found: Iterable[Noted]) -> list[str]:
    """A line for each name: on how many recordings, of which systems, and an example in words."""
    by_name: dict[tuple[About, str], list[Noted]] = {}
    for note in found:
        by_name.setdefault((note.about, note.name), []).append(note)
    return [_remark(notes, len(analysis.panel.clips)) for notes in by_name.values()]


def _remark(notes: Sequence[Noted], recordings: int) -> str:
    where = "; ".join(
        f"{len(note.recordings)} of {recordings} recordings" + (f" by {note.system.label}" if note.system else "")
        for note in notes
    )
    most = max(notes, key=lambda note: len(note.recordings))
    return f"{most.about}: {most.name} in {where}; {most.example}"


def barred(analysis: Analysis) -> list[str]:
    """A line for the systems that are not marked best because what they give is no speech."""
    names = [
        system.label for number, system in enumerate(analysis.panel.systems) if number in analysis.panel.degenerate
    ]
    if not names:
        return []
    return [f"never marked best, since recordings come out as {' or '.join(sorted(DEGENERATE))}: {', '.join(names)}"]


def findings_frame(analysis: Analysis, found: Iterable[Noted]) -> pd.DataFrame:
    """One line per recording, system and thing noted; method and steps are empty for what is the recording's own."""
    columns = ["dataset", "utterance", "method", "steps", "about", "name", "value", "meaning"]
    records = [
        {
            **{"dataset": analysis.panel.dataset, "utterance": utterance},
            **{"method": note.system and note.system.method, "steps": note.system and note.system.steps},
            **{"about": note.about, "name": note.name, "value": value},
            "meaning": meaning(note.about, note.name, value),
        }
        for note in found
        for utterance, value in note.recordings.items()
    ]
    return pd.DataFrame(records, columns=columns).astype({"steps": "Int64"})


def counts(found: Iterable[Noted], system: System, about: About) -> str:
    """On how many of a system's recordings each name was noted: ``clipped 3, delay 24``."""
    own = [note for note in found if note.system is system and note.about == about]
    return ", ".join(f"{note.name} {len(note.recordings)}" for note in own)


def _said(row: Row) -> Iterable[tuple[About, str, Tag]]:
    yield from (("found", name, value) for name, value in row.findings.items())
    yield from (("adjusted", name, value) for name, value in row.adjusted.items())
