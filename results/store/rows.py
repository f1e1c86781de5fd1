"""The schema of a row: everything that is stored about one enhanced recording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.core.records import Misfit, build, parse
from bench.core.types import Score, Status, Tag

SCHEMA_VERSION = 2
READABLE = (1, 2)
"""Version 2 added ``findings``, ``adjusted``, ``computing`` and ``cost``; a row of version 1 has none of them."""

_OPTIONAL = ("findings", "adjusted", "computing", "cost")

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=dict)
"""Writes any mapping as a dictionary."""

NOT_COMPUTED = Score.missing("skipped", "not computed")
"""The score of a metric that a row does not have."""


@dataclass(frozen=True)
class Key:
    """Identifies a row within a run. Keys can be sorted, None before any number.

    ``steps`` is None for methods without steps, ``seed`` is None for deterministic methods: these are computed once
    for any number of step counts and seeds.
    """

    dataset: str
    method: str
    steps: int | None
    seed: int | None
    utterance: str

    def __lt__(self, other: Key) -> bool:
        return self.order() < other.order()

    def order(self) -> tuple[str, str, int, int, str]:
        """What keys are sorted by; to sort many, name it as ``sorted``'s key."""
        steps = -1 if self.steps is None else self.steps
        seed = -1 if self.seed is None else self.seed
        return self.dataset, self.method, steps, seed, self.utterance


@dataclass(frozen=True)
class Row:
    """One (dataset, method, steps, seed, utterance) with its scores.

    Attributes:
        key: identifies the row.
        paradigm: the method's paradigm.
        status, reason: of the enhancement itself; scores exist only where it is ``ok``.
        sample_rate: of the recording and the enhanced speech, in Hz.
        resampled_from: the file's rate in Hz, if the dataset resampled it.
        model_rate: the method's rate in Hz, if it resampled.
        seconds: duration of the recording.
        nfe: counted network calls.
        enhance_seconds: wall-clock time of the enhancement, with the device synchronised, beside whatever else the run
            computed at the time.
        threads: CPU threads of the enhancement.
        device: "cpu", "cuda", ...
        scores: metric name -> value, or the type of and reason for its absence.
        metric_versions: metric name -> everything but the audio that its value depends on.
        tags: the utterance's tags (SNR, noise type, speaker, sex, T60, ...).
        findings: problems that a check of the audio found (clipped, delayed, inverted, band-limited, ...), with values.
        adjusted: changes made to external enhanced files so that they fit (samples cut or padded, ...).
        computing: how it was computed, where not by default (precision, batch, pieces, ...).
        cost: the system's costs, measured alone: ``parameters``, ``macs_per_second`` of audio, ``peak_memory_mb``,
            ``algorithmic_latency_ms``, ``rtf`` with its quartiles ``rtf_low`` and ``rtf_high``; ``computing`` says in
            ``timed_on`` on what. Each only where it could be measured.
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
        """Real-time factor: processing time over duration, the system's own, measured with nothing beside it.

        None if it was not. ``enhance_seconds`` is no substitute: it was taken while other recordings were enhanced or
        scored on the same machine.
        """
        return self.cost.get("rtf")

    @property
    def failed(self) -> bool:
        """Whether the enhancement or any of its scores ended in ``error``."""
        return self.status == "error" or any(score.status == "error" for score in self.scores.values())

    def score(self, metric: str) -> Score:
        """The score. If missing: the enhancement's status and reason if that failed, else ``skipped``."""
        if self.status != "ok":
            return Score.missing(self.status, self.reason)
        return self.scores.get(metric) or NOT_COMPUTED

    def to_json(self) -> str:
        """The row as one line of JSON, with the schema version."""
        data = {name: value for name, value in vars(self).items() if value or name not in _OPTIONAL}
        data["key"] = vars(self.key)
        data["scores"] = {name: _without_blanks(vars(score)) for name, score in self.scores.items()}
        return _ENCODER.encode({"schema": SCHEMA_VERSION, **data})

    @staticmethod
    def from_json(line: str) -> Row:
        """Parse one line.

        Raises:
            ValueError: not JSON, an unknown schema version, or a field of the wrong type, which is named.
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

    @staticmethod
    def from_line(line: bytes) -> Row:
        """Parse one line of a log, as ``from_json``."""
        return Row.from_json(line.rstrip(b"\n").decode("utf-8", "surrogatepass"))


def _without_blanks(score: dict[str, Any]) -> dict[str, Any]:
    """``score`` without empty fields: only few metrics have counts or details."""
    return {
        name: value for name, value in score.items() if name in ("value", "status", "reason") or value not in (None, {})
    }
