"""Findings of the check of the audio, and adjustments of external enhanced files, by recording and method.

A finding in the noisy or the clean recording belongs to that recording, not to a method. A finding in the enhanced
speech, and every adjustment, belongs to the method (``bench.core.findings`` has the names).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bench.core.findings import DEGENERATE, explain, kind
from bench.core.types import Tag
from results.statistics.analysis import Analysis
from results.statistics.panel import System
from results.store.columns import Rows
from results.store.reading import as_rows

About = Literal["found", "adjusted"]
ABOUT: tuple[About, ...] = ("found", "adjusted")


@dataclass(frozen=True)
class Noted:
    """One finding or adjustment of a system's output or of the recordings.

    Attributes:
        name: of the finding or adjustment.
        system: None for a finding in the recordings.
        recordings: the value for each recording; with several seeds, that of the first.
    """

    about: About
    name: str
    system: System | None
    recordings: Mapping[str, Tag]

    @property
    def example(self) -> str:
        """The first recording with its value in words."""
        utterance, value = next(iter(self.recordings.items()))
        return f"{utterance}: {meaning(self.about, self.name, value)}"


def meaning(about: About, name: str, value: Tag) -> str:
    """A sentence for a finding; name and value for an adjustment."""
    return explain(name, value) if about == "found" else f"{name}: {value}"


def noted(analysis: Analysis) -> list[Noted]:
    """All findings and adjustments, sorted by name; for each name first the recordings', then each system's."""
    values: dict[tuple[About, str, int], dict[str, Tag]] = {}
    for number, system in enumerate(analysis.panel.systems):
        for utterance, about, name, value in _said(as_rows(system.rows)):
            own = about == "adjusted" or not kind(name)[0]
            values.setdefault((about, name, number if own else -1), {}).setdefault(utterance, value)
    systems = {**dict(enumerate(analysis.panel.systems)), -1: None}
    return [Noted(*key[:2], systems[key[2]], dict(sorted(values[key].items()))) for key in sorted(values)]


def remarks(analysis: Analysis, found: Iterable[Noted]) -> list[str]:
    """A line for each name: on how many recordings, by which systems, and an example."""
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
    """A line listing the systems that are never marked best because their output is not speech; one of the oracles."""
    panel = analysis.panel
    reasons = {
        f"never marked best, since recordings come out as {' or '.join(sorted(DEGENERATE))}": panel.degenerate,
        "oracles, which are given the clean reference: compared with others, never marked best": panel.oracles,
    }
    return [
        f"{reason}: {', '.join(panel.systems[number].label for number in sorted(numbers))}"
        for reason, numbers in reasons.items()
        if numbers
    ]


def findings_frame(analysis: Analysis, found: Iterable[Noted]) -> pd.DataFrame:
    """One line per recording, system and finding or adjustment; method and steps are empty for the recordings' own."""
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
    """The number of a system's recordings with each finding or adjustment: ``clipped 3, delay 24``."""
    own = [note for note in found if note.system is system and note.about == about]
    return ", ".join(f"{note.name} {len(note.recordings)}" for note in own)


def _said(rows: Rows) -> Iterable[tuple[str, About, str, Tag]]:
    found, adjusted, utterance = (rows.columns[name] for name in ("findings", "adjusted", "utterance"))
    for place in np.flatnonzero(found.each(bool, bool) | adjusted.each(bool, bool)).tolist():
        yield from ((utterance[place], "found", name, value) for name, value in found[place].items())
        yield from ((utterance[place], "adjusted", name, value) for name, value in adjusted[place].items())
