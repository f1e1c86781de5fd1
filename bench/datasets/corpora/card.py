"""A dataset's card: what it is, under which licence, where it is had, and by which recipe it is made.

One YAML file each in ``bench/datasets/cards/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import did_you_mean
from bench.core.records import build
from bench.datasets.scored import USUAL, Scored, by_reference_and_rate, name_of, told

CARDS = Path(__file__).parent.parent / "cards"


@dataclass(frozen=True)
class Download:
    """A file that can be fetched.

    Attributes:
        split: the one that needs it; null: every.
        md5: of its bytes, as the repository that has it states; null: the first copy is trusted.
    """

    url: str
    split: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Card:
    """What there is to know of a dataset before it is here.

    Attributes:
        summary: one line.
        task: denoising, dereverberation, ...
        corpora: what it is made of, by the names that weights' training data are listed with.
        licence, size, get, citation: as text; ``get`` says how to have the corpora.
        rate: sampling rate in Hz of the stored recordings.
        band: upper end in Hz of what the recordings hold.
        metrics: what a run scores where it names none; PESQ only at rates that it is defined for.
        left_out: why the card leaves out one of the usual metrics, by its name.
        published: options of metrics that its figures are published with: recogniser and normaliser of WER.
        splits: those that it can have.
        blind: splits without clean speech to compare with; "*": all.
        counts: recordings by split, as published; "a+b" counts two splits together.
        speakers, hours: the same of speakers and of hours.
        counts_from: where they are published.
        recipe, options: how it is made (``bench.datasets.corpora.plans``).
        raw: the folders that it is made from: key and what it holds.
        optional: which of ``raw`` need not be given.
        files: what can be fetched, by file name, for the first of ``raw``.
        revision: counted up when the recipe changes what is stored.
    """

    name: str
    summary: str
    task: str
    corpora: tuple[str, ...]
    licence: str
    size: str
    get: str
    citation: str
    rate: int
    band: int
    recipe: str
    raw: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    metrics: tuple[Any, ...] = USUAL
    left_out: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    splits: tuple[str, ...] = ("train", "valid", "test")
    blind: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    speakers: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[str, float] = field(default_factory=dict)
    counts_from: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Download] = field(default_factory=dict)
    revision: int = 1

    @property
    def expected(self) -> Mapping[str, Mapping[str, float]]:
        """What is published of its size, by what is counted."""
        return {"recordings": self.counts, "speakers": self.speakers, "hours": self.hours}

    def has_reference(self, split: str) -> bool:
        """Whether the recordings of a split have clean speech."""
        return not {split, "*"} & {*self.blind}

    @property
    def trains(self) -> bool:
        """Whether there are recordings with clean speech to train with."""
        return "train" in self.splits and self.has_reference("train")

    def scored(self, split: str, rates: Sequence[int] = ()) -> Scored:
        """What a run scores of a split by default; ``rates`` in Hz: of the recordings, if not the card's."""
        found = by_reference_and_rate(self.metrics, self.has_reference(split), rates or [self.rate])
        return replace(found, left_out={**self.left_out, **found.left_out}, published=self.published)

    def _told_scores(self) -> list[str]:
        """What is scored by default: where splits differ, of those with a reference and of those without."""
        lines = []
        for split in ("", *self.blind):
            of = "" if split in ("", "*") else f" of {split}"
            if split or "*" not in self.blind:
                scored = self.scored(split)
                lines.append(f"scored by default{of}: {', '.join(map(name_of, scored.metrics))}")
                lines += [f"not {name}: {why}" for name, why in scored.left_out.items()]
        return lines + [f"{name} is published with: {told(options)}" for name, options in self.published.items()]

    def told(self) -> str:
        """Everything about it, for reading."""
        lines = [
            f"{self.name}: {self.summary}",
            f"    task {self.task}; made of {', '.join(self.corpora) or 'what is given'}; licence {self.licence}",
            f"    {self.rate} Hz, band up to {self.band} Hz; splits {', '.join(self.splits)}",
            *(f"    {line}" for line in self._told_scores()),
            f"    size: {self.size}",
            f"    to be had: {self.get}",
            f"    cite: {self.citation}",
        ]
        for what, published in self.expected.items():
            if published:
                lines.append(f"    {what}: {', '.join(f'{split} {count:g}' for split, count in published.items())}")
        if self.counts_from:
            lines.append(f"    these by {self.counts_from}")
        lines += [f"    {key}=FOLDER  {about}" for key, about in self.raw.items()]
        lines += [f"    {key}: {value}" for key, value in self.options.items()]
        return "\n".join(lines)


def names() -> list[str]:
    """Every card's name."""
    return sorted(path.stem for path in CARDS.glob("*.yaml"))


@cache
def card(name: str) -> Card:
    """The card called ``name``.

    Raises:
        UserError: there is none; the nearest name is given.
    """
    if name not in names():
        raise did_you_mean("dataset to prepare", name, names())
    fields = yaml.safe_load((CARDS / f"{name}.yaml").read_text(encoding="utf-8"))
    made: Card = build(Card, {"name": name, **fields}, name)
    return made
