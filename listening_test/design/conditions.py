"""The conditions of a test: systems of the run, the hidden reference, and anchors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.core.errors import UserError, did_you_mean
from results.store.info import PARADIGMS, UNRANKED
from results.store.rows import Key, Row

Role = Literal["reference", "anchor", "system"]


@dataclass(frozen=True)
class Condition:
    """One condition, in which every clip is presented.

    Attributes:
        label: used in tables and plots; listeners never see it.
        method, steps, seed: identify the rows with its stored audio; None if it is made from the recordings.
    """

    label: str
    role: Role
    paradigm: str = ""
    method: str | None = None
    steps: int | None = None
    seed: int | None = None

    @property
    def kind(self) -> str:
        """The paradigm of a system, by which figures colour it; of others, reference or anchor."""
        return self.paradigm if self.role == "system" and self.paradigm else self.role


REFERENCE = Condition("reference", "reference")

ANCHORS = {
    "lowpass_3500": "the clean recording without what is above 3.5 kHz",
    "lowpass_7000": "the clean recording without what is above 7 kHz",
    "mixture": "the noisy recording",
    "mixture_10db": "the noisy recording with 10 dB less noise",
}
"""Anchors by name. The low-pass ones are BS.1534-3's low and mid-range anchors."""


def anchors(names: Iterable[str], systems: Sequence[Condition]) -> list[Condition]:
    """The anchors called ``names``.

    Raises:
        UserError: the name is unknown, or the same audio is already a condition.
    """
    found = []
    for name in dict.fromkeys(names):
        if name not in ANCHORS:
            raise did_you_mean("anchor", name, ANCHORS)
        if name == "mixture" and (control := next((c for c in systems if c.paradigm == "control"), None)):
            raise UserError(f"anchors: 'mixture' and the condition '{control.label}' are the same; leave one out")
        found.append(Condition(name, "anchor", "control" if name == "mixture" else ""))
    return found


def systems(
    rows: Iterable[Row], entries: Sequence[Any] | None, steps: int | None = None, seed: int | None = None
) -> list[Condition]:
    """The conditions that ``entries`` name among the rows of a run.

    Args:
        entries: names of methods, or mappings with ``method`` and optionally ``steps``, ``seed`` and ``label``;
            None: every method except the unprocessed recording and oracles.
        steps, seed: which rows to use of a method with several, unless its entry has them.

    Raises:
        UserError: an entry names no row, or rows of several step counts or seeds.
    """
    variants: dict[str, set[tuple[int | None, int | None]]] = {}
    paradigms: dict[str, str] = {}
    for row in rows:
        variants.setdefault(row.key.method, set()).add((row.key.steps, row.key.seed))
        paradigms[row.key.method] = row.paradigm
    if entries is None:
        entries = sorted((m for m, p in paradigms.items() if p not in UNRANKED), key=lambda m: _rank(m, paradigms[m]))
    if not entries:
        raise UserError("conditions: none to listen to; name at least one method of the run")
    found = [_system(_mapping(entry), variants, paradigms, steps, seed) for entry in entries]
    for condition in found:
        if [other.label for other in found].count(condition.label) > 1 or condition.label in (*ANCHORS, "reference"):
            raise UserError(
                f"conditions: the name '{condition.label}' is taken; give the entry another: "
                f"{{method: {condition.method}, label: ...}}"
            )
    return found


def _rank(method: str, paradigm: str) -> tuple[int, str]:
    return PARADIGMS.index(paradigm) if paradigm in PARADIGMS else len(PARADIGMS), method


def _mapping(entry: Any) -> dict[str, Any]:
    if isinstance(entry, str):
        return {"method": entry}
    known = ("method", "steps", "seed", "label")
    if not isinstance(entry, Mapping) or "method" not in entry:
        raise UserError(f"conditions: an entry is a method's name or {{method: ..., steps: ...}}, not {entry!r}")
    for key in entry:
        if key not in known:
            raise did_you_mean("key of a condition", str(key), known)
    return {str(key): value for key, value in entry.items()}


def _system(
    entry: Mapping[str, Any],
    variants: Mapping[str, set[tuple[int | None, int | None]]],
    paradigms: Mapping[str, str],
    steps: int | None,
    seed: int | None,
) -> Condition:
    method = str(entry["method"])
    if method not in variants:
        raise did_you_mean("method of the run", method, variants)
    chosen_steps = _one(method, "steps", entry.get("steps"), steps, {steps for steps, _ in variants[method]})
    seeds = {seed for steps, seed in variants[method] if steps == chosen_steps}
    chosen_seed = _one(method, "seed", entry.get("seed"), seed, seeds)
    label = str(entry.get("label") or method)
    return Condition(label, "system", paradigms[method], method, chosen_steps, chosen_seed)


def _one(method: str, what: str, own: Any, common: int | None, stored: set[int | None]) -> int | None:
    """The requested value, or the only stored one."""
    numbers = sorted(value for value in stored if value is not None)
    wanted = own if own is not None else common if numbers else None
    if wanted is None and len(stored) == 1:
        return next(iter(stored))
    listed = ", ".join(map(str, numbers)) or "none"
    if wanted is None:
        key = "steps" if what == "steps" else "enhanced_with_seed"
        raise UserError(
            f"conditions: the run has '{method}' with {what} {listed}; say which: "
            f"{key}={numbers[-1]}, or {{method: {method}, {what}: {numbers[-1]}}}"
        )
    if wanted not in stored:
        raise UserError(f"conditions: the run has no '{method}' with {what} {wanted}; it has {what} {listed}")
    return int(wanted)


def row_key(condition: Condition, dataset: str, utterance: str) -> Key:
    """The row that holds a system's audio of one clip."""
    assert condition.method is not None
    return Key(dataset, condition.method, condition.steps, condition.seed, utterance)
