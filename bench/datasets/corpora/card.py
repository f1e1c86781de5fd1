"""A dataset's card: what it is, under which licence, where it is had, and by which recipe it is made.

One YAML file each in ``bench/datasets/cards/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import did_you_mean
from bench.core.records import build

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
        pesq: whether PESQ is defined for them: "wb", "nb", or "no" with the reason.
        wer: the normaliser that its word error rates are published with; null: none is.
        reference: whether there is clean speech to compare with.
        counts: recordings by split, as published; "a+b" counts two splits together.
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
    pesq: str
    recipe: str
    raw: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    wer: str | None = None
    reference: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)
    counts_from: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Download] = field(default_factory=dict)
    revision: int = 1

    def told(self) -> str:
        """Everything about it, for reading."""
        lines = [
            f"{self.name}: {self.summary}",
            f"    task {self.task}; made of {', '.join(self.corpora) or 'what is given'}; licence {self.licence}",
            f"    {self.rate} Hz, band up to {self.band} Hz; PESQ: {self.pesq}"
            + ("" if self.reference else "; no reference"),
            f"    size: {self.size}",
            f"    to be had: {self.get}",
            f"    cite: {self.citation}",
        ]
        if self.wer:
            lines.append(f"    word error rates are published with: {self.wer}")
        if self.counts:
            counts = ", ".join(f"{split} {count}" for split, count in self.counts.items())
            lines.append(f"    recordings: {counts} ({self.counts_from})")
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
