"""Which recordings of a run a listening test uses, and their audio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.commands.mushra_settings import Export
from bench.core.errors import UserError
from bench.core.types import Utterance
from bench.datasets import base
from bench.datasets.base import Dataset
from listening_test.design import select
from listening_test.design.candidates import Candidates
from listening_test.design.select import Candidate, Rules

AUTO = {"balance": ["sex", "task"], "once": ["speaker"], "per": ["task"], "spread": ["snr", "t60"]}
"""The tags and metrics that ``auto`` stands for, where all recordings have them."""


class Recordings:
    """The datasets of a run, as its manifest names them."""

    def __init__(self, stored: Mapping[str, Any], folder: Path) -> None:
        self._recipes: Mapping[str, Any] = stored["datasets"]
        self._folder = folder
        self._built: dict[str, Dataset] = {}

    def load(self, clip: Candidate) -> Utterance:
        """Raises ``UserError`` where the recording cannot be read."""
        return self._dataset(clip.dataset).load(clip.utterance)

    def verify(self, groups: Sequence[Sequence[Candidate]], training: Sequence[Candidate]) -> dict[str, str]:
        """The fingerprints of the datasets that these clips are from.

        Raises:
            UserError: the recordings are no longer those that the run was made of.
        """
        labels = dict.fromkeys(clip.dataset for clips in (*groups, training) for clip in clips)
        for label in labels:
            if self._dataset(label).fingerprint() != self._recipes[label]["fingerprint"]:
                raise UserError(
                    f"{self._folder}: the recordings of dataset '{label}' are not what they were when the run was "
                    "made; put the old ones back, or run again under another name"
                )
        return {label: str(self._recipes[label]["fingerprint"]) for label in labels}

    def _dataset(self, label: str) -> Dataset:
        if label not in self._built:
            recipe = self._recipes[label]
            self._built[label] = base.create(recipe["name"], **recipe["options"])
        return self._built[label]


def choose(asked: Export, found: Candidates) -> tuple[str, list[list[Candidate]], list[Candidate], dict[str, str]]:
    """How clips were chosen, in words; those of each group and those for practice; and why each was chosen."""
    rules = _rules(asked, found.clips, asked.clips if isinstance(asked.clips, int) else len(asked.clips))
    named = [] if isinstance(asked.training, int) else found.named(asked.training)
    pool = [clip for clip in found.clips if clip not in named]
    if not isinstance(asked.clips, int):
        chosen = found.named(asked.clips)
        if not chosen:
            raise UserError("clips: none is named; say how many (clips=10), or which ([denoise-01, denoise-02])")
        if double := [clip.name for clip in chosen if clip in named]:
            raise UserError(f"training: {double[0]} is among clips too; name it once")
        reasons = {clip.name: "named in clips" for clip in chosen}
        how = f"{len(chosen)} clips, as named"
    else:
        chosen = select.choose(pool, rules, asked.seed)
        reasons = {clip.name: select.describe(clip, pool, rules) for clip in chosen}
        how = f"{rules}{rules.spreading}"
    rest = [clip for clip in pool if clip not in chosen]
    training = _drawn(rest, asked.training, asked.seed) if isinstance(asked.training, int) else named
    reasons |= {clip.name: "named in training" if named else "drawn for practice from the rest" for clip in training}
    most = asked.per_listener or len(chosen)
    groups = select.deal(chosen, math.ceil(len(chosen) / most), rules, asked.seed)
    return how, groups, training, reasons


def _drawn(rest: Sequence[Candidate], count: int, seed: int) -> list[Candidate]:
    if len(rest) < count:
        raise UserError(
            f"training: {count} more clips are needed for practice, {len(rest)} are left; ask for fewer, or fewer clips"
        )
    return select.choose(rest, Rules(count), seed) if count else []


def _rules(asked: Export, clips: Sequence[Candidate], count: int) -> Rules:
    tags = set.intersection(*(set(clip.tags) for clip in clips))
    values = {name for clip in clips for name in clip.values}

    def keys(name: str, known: set[str]) -> list[str]:
        given = getattr(asked, name)
        return [key for key in AUTO[name] if key in known] if given == "auto" else list(given or ())

    once = keys("once", tags)
    return Rules(count, keys("balance", tags), once[0] if once else None, keys("per", tags), keys("spread", values))
