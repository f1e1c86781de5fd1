"""The schema of a row: everything that is stored about one enhanced recording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.core.records import Misfit, build, parse
from bench.core.types import Score, Status, Tag

SCHEMA_VERSION = 2
READABLE = (1, 2)
"""Version 2 added ``findings``, ``adjusted``, ``computing`` and ``cost``; a row of version 1 has none of them."""

_OPTIONAL = ("findings", "adjusted", "computing", "cost")


@dataclass(frozen=True)
class Key:
    """What identifies a row within a run; keys sort, None before any number.

    ``steps`` is None for methods that take no steps, ``seed`` is None for deterministic ones: they
    are computed once, however many step counts and seeds are asked for.
    """

    dataset: str
    method: str
    steps: int | None
    seed: int | None
    utterance: str

    def __lt__(self, other: Key) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[str, str, int, int, str]:
        steps = -1 if self.steps is None else self.steps
        seed = -1 if self.seed is None else self.seed
        return self.dataset, self.method, steps, seed, self.utterance


@dataclass(frozen=True)
class Row:
    """One (dataset, method, steps, seed, utterance) with its scores.

    Attributes:
        key: what the row is of.
        paradigm: the method's paradigm.
        status, reason: of the enhancement itself; scores exist only where it is ``ok``.
        sample_rate: of the recording and the enhanced speech, in Hz.
        resampled_from: the file's own rate, where the dataset resampled it.
        model_rate: the rate the method worked at, where it resampled.
        seconds: length of the recording.
        nfe: counted network calls.
        enhance_seconds: wall-clock time of the enhancement, device synchronised.
        threads: CPU threads the enhancement had.
        device: "cpu", "cuda", ...
        scores: metric name -> value or typed missingness.
        metric_versions: metric name -> what its value depends on beside the audio.
        tags: the utterance's tags (SNR, noise type, speaker, sex, T60, ...).
        findings: what a check of the audio found amiss (clipped, delayed, inverted, band-limited, ...) and by how much.
        adjusted: what was done to enhanced speech that came from outside, so that it fits (samples cut or padded, ...).
        computing: how it was computed, where that is not the default (precision, batch, pieces, ...).
        cost: what the method costs beside time (parameters, multiply-accumulates a second, peak memory, latency).
    """

    key: Key
    paradigm: str
    status: Status
    reason: str = ""
    sample_rate: int | None = None
    resampled_from: int | None = None
    model_rate: int | None = None
    seconds: float | None = None
    nfe: int | None = None
    enhance_seconds: float | None = None
    threads: int | None = None
    device: str = "cpu"
    scores: Mapping[str, Score] = field(default_factory=dict)
    metric_versions: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, Tag] = field(default_factory=dict)
    findings: Mapping[str, Tag] = field(default_factory=dict)
    adjusted: Mapping[str, Tag] = field(default_factory=dict)
    computing: Mapping[str, Tag] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)

    @property
    def rtf(self) -> float | None:
        """Real-time factor: seconds of work per second of recording."""
        if self.enhance_seconds is None or not self.seconds:
            return None
        return self.enhance_seconds / self.seconds

    @property
    def failed(self) -> bool:
        """Whether the enhancement or any of its scores ended in ``error``."""
        return self.status == "error" or any(score.status == "error" for score in self.scores.values())

    def score(self, metric: str) -> Score:
        """The score, or why there is none: without enhancement its status and reason, else ``skipped``."""
        if self.status != "ok":
            return Score.missing(self.status, self.reason)
        return self.scores.get(metric) or Score.missing("skipped", "not computed")

    def to_json(self) -> str:
        """One line of JSON, with the schema's version."""
        data = {"schema": SCHEMA_VERSION, **asdict(self)}
        data["scores"] = {name: _without_blanks(score) for name, score in data["scores"].items()}
        data = {name: value for name, value in data.items() if value or name not in _OPTIONAL}
        return json.dumps(data, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(line: str) -> Row:
        """The row of one line.

        Raises:
            ValueError: not JSON, a schema that this version does not read, or a field of another kind; it is named.
        """
        data: Any = parse(line)
        if not isinstance(data, dict):
            raise ValueError("not a row")
        version = data.pop("schema", None)
        if version not in READABLE:
            raise ValueError(f"row schema {version}, this version reads {' and '.join(map(str, READABLE))}")
        try:
            row: Row = build(Row, data)
        except Misfit as misfit:
            raise ValueError(f"not a row ({misfit})") from misfit
        return row


def _without_blanks(score: dict[str, Any]) -> dict[str, Any]:
    """Counts and detail belong to few metrics: a row says of them only what there is."""
    return {
        name: value for name, value in score.items() if name in ("value", "status", "reason") or value not in (None, {})
    }
