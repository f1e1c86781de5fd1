"""The recordings of a run that can be used as clips, and a table of which were chosen and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.core.errors import UserError, did_you_mean
from bench.core.types import Tag
from listening_test.design.conditions import Condition, row_key
from listening_test.design.select import Candidate
from results.store.rows import Key, Row

Rows = Mapping[Key, Row]


@dataclass(frozen=True)
class Candidates:
    """The recordings of a run.

    Attributes:
        clips: the recordings that every condition has enhanced.
        left_out: the names of the others, with the reasons.
    """

    clips: Sequence[Candidate]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def named(self, names: Iterable[str]) -> list[Candidate]:
        """The clips called ``names`` (``utterance`` or ``dataset/utterance``), in that order.

        Raises:
            UserError: a name is unknown, ambiguous, or of a clip that lacks a condition.
        """
        return [self._named(str(name)) for name in dict.fromkeys(names)]

    def _named(self, name: str) -> Candidate:
        found = [clip for clip in self.clips if name in (clip.name, clip.utterance)]
        if len(found) > 1:
            raise UserError(f"clips: several datasets have '{name}'; say which: {', '.join(c.name for c in found)}")
        if found:
            return found[0]
        for left, reason in self.left_out.items():
            if name == left or left.endswith(f"/{name}"):
                raise UserError(f"clips: {left} cannot be listened to: {reason}")
        raise did_you_mean("recording of the run", name, [clip.utterance for clip in self.clips])


def candidates(rows: Rows, conditions: Sequence[Condition], datasets: Iterable[str] | None) -> Candidates:
    """Every recording of the run, or of the ``datasets`` named.

    Raises:
        UserError: the run has no such dataset, or no recording that every condition has enhanced.
    """
    known = {key.dataset for key in rows}
    for dataset in datasets or ():
        if dataset not in known:
            raise did_you_mean("dataset of the run", str(dataset), known)
    wanted = known if datasets is None else set(datasets)
    clips, left_out = [], {}
    for dataset, utterance in dict.fromkeys((key.dataset, key.utterance) for key in rows if key.dataset in wanted):
        found = [(condition, rows.get(row_key(condition, dataset, utterance))) for condition in conditions]
        reason = next(filter(None, (_missing(condition, row) for condition, row in found)), "")
        if reason:
            left_out[f"{dataset}/{utterance}"] = reason
        else:
            clips.append(_clip(dataset, utterance, [row for _, row in found if row is not None]))
    if not clips:
        raise UserError(f"clips: no recording has every condition; {next(iter(left_out.items()), '')}")
    return Candidates(clips, left_out)


def origin(rows: Rows, clip: Candidate, conditions: Sequence[Condition]) -> Key:
    """A row of the recording: that of the unprocessed recording if the run has it."""
    of_clip = (row for key, row in rows.items() if (key.dataset, key.utterance) == (clip.dataset, clip.utterance))
    control = next((row.key for row in of_clip if row.paradigm == "control" and row.status == "ok"), None)
    return control or row_key(conditions[0], clip.dataset, clip.utterance)


def record(
    found: Candidates,
    groups: Mapping[str, Sequence[Candidate]],
    training: Sequence[Candidate],
    reasons: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """One line per recording: its use in the test and the reason, its tags, and its metrics' means over conditions.

    Args:
        groups: the clips of each group of listeners, or of the groups that share them.
        reasons: why each chosen clip was chosen.
    """
    place = {clip.name: label for label, group in groups.items() for clip in group}
    place |= {clip.name: "training" for clip in training}
    for clip in found.clips:
        line = {"dataset": clip.dataset, "utterance": clip.utterance, "chosen": place.get(clip.name, "")}
        reason = reasons.get(clip.name, "not drawn")
        tags = {f"tag_{name}": value for name, value in clip.tags.items() if name != "dataset"}
        yield {**line, "reason": reason, **tags, **{k: v for k, v in clip.values.items() if k not in clip.tags}}
    for name, reason in found.left_out.items():
        dataset, _, utterance = name.partition("/")
        yield {"dataset": dataset, "utterance": utterance, "chosen": "", "reason": f"left out: {reason}"}


def _missing(condition: Condition, row: Row | None) -> str:
    if row is None:
        return f"the run has no row of '{condition.label}'"
    return "" if row.status == "ok" else f"'{condition.label}' failed ({row.reason})"


def _clip(dataset: str, utterance: str, rows: Sequence[Row]) -> Candidate:
    tags: dict[str, Tag] = {**rows[0].tags, "dataset": dataset}
    values = {name: float(value) for name, value in tags.items() if isinstance(value, (int, float))}
    for metric in dict.fromkeys(name for row in rows for name in row.scores):
        mean = float(np.mean([math.nan if (v := row.score(metric).value) is None else v for row in rows]))
        if math.isfinite(mean):
            values.setdefault(metric, mean)
    return Candidate(dataset, utterance, tags, values)
