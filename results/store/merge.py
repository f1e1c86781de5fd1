"""Merge stored runs into one set of rows; methods or metric versions that differ never share a name."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.types import Score
from results.store.folder import Store
from results.store.info import MetricInfo
from results.store.rows import Key, Row
from results.store.versions import separate

Manifest = Mapping[str, Any]
_WHAT_A_METHOD_IS = ("name", "options", "provenance")


@dataclass(frozen=True)
class Stored:
    """A run as it was read: what it is called here, its manifest and its rows."""

    name: str
    folder: Path
    manifest: Manifest
    rows: Mapping[Key, Row]


@dataclass(frozen=True)
class Merged:
    """Rows of one or several runs, how their metrics are shown, and notes about the merging.

    Attributes:
        rows: with scores of one version under each metric's name.
        labels: by run, new labels of the methods whose label means something else in another run.
    """

    rows: Sequence[Row]
    metrics: Mapping[str, MetricInfo]
    notes: Sequence[str] = field(default_factory=list)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read(folders: Sequence[Path]) -> list[Stored]:
    """The runs in these folders.

    Raises:
        UserError: there is no run.
    """
    folders = list(dict.fromkeys(folder.resolve() for folder in folders))
    names = Counter(folder.name for folder in folders)
    runs = []
    for folder in folders:
        store = Store(folder)
        manifest = store.read_manifest()
        if manifest is None:
            raise UserError(f"{folder}: no run is stored here")
        runs.append(Stored(folder.name if names[folder.name] == 1 else str(folder), folder, manifest, store.rows()))
    return runs


def merge(runs: Sequence[Stored], mix: bool = False) -> Merged:
    """All rows of ``runs``.

    A method of one label that is not the same in all of them (other options, other weights) bears the
    run's name too. A row that several have is the first one's; what that was not scored with, or not by
    the same version of a metric, is taken from the others.

    Args:
        mix: take datasets of one label for one, though their fingerprints differ.

    Raises:
        UserError: they differ, and ``mix`` is false.
    """
    notes = _mixed_datasets(runs, mix)
    labels = _labels(runs)
    metrics: dict[str, MetricInfo] = {}
    for run in runs:
        for name, info in infos(run.manifest).items():
            metrics.setdefault(name, info)
    # before rows are joined: scores of one recording by two versions of a metric are two scores
    separated, metrics = separate([row for run in runs for row in _relabelled(run, labels[run.name])], metrics)
    rows: dict[Key, Row] = {}
    clashes: Counter[tuple[str, str]] = Counter()
    for name, row in zip([run.name for run in runs for _ in run.rows], separated, strict=True):
        if row.key not in rows:
            rows[row.key] = row
            continue
        rows[row.key], clash = _join(rows[row.key], row)
        clashes.update((name, what) for what in clash)
    notes += [
        f"{run}: {what} on {count} recordings than the run named first, whose stands"
        for (run, what), count in clashes.items()
    ]
    return Merged(list(rows.values()), metrics, notes, labels)


def _relabelled(run: Stored, labels: Mapping[str, str]) -> Iterable[Row]:
    for row in run.rows.values():
        yield replace(row, key=replace(row.key, method=labels.get(row.key.method, row.key.method)))


def infos(manifest: Manifest) -> dict[str, MetricInfo]:
    """How each metric of a run is shown."""
    return {
        label: MetricInfo(**_aspect(metric), version=metric["version"], name=metric["name"])
        for label, metric in manifest["metrics"].items()
    }


_SOUND: dict[str, Any] = {"aspect": "quality", "intrusive": False}
_ASPECTS: dict[str, dict[str, Any]] = {
    **{"lps": {"aspect": "content"}, "wer": {"aspect": "content", "intrusive": False}},
    **{"dnsmos": _SOUND, "dnsmos_p808": _SOUND, "utmos": _SOUND, "nisqa": _SOUND, "wvmos": _SOUND},
}
"""Of the metrics that a view asks for, where the manifest was written before metrics said so themselves."""


def _aspect(metric: Mapping[str, Any]) -> dict[str, Any]:
    return {**_ASPECTS.get(metric["name"], {}), **metric["shown"]}


def _mixed_datasets(runs: Sequence[Stored], mix: bool) -> list[str]:
    """Refuse datasets of one label that are not the same, or say that they were mixed."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        for label, dataset in run.manifest["datasets"].items():
            found[label][dataset["fingerprint"]].append(run.name)
    differing = {label: list(by_print.values()) for label, by_print in found.items() if len(by_print) > 1}
    for label, groups in differing.items():
        if not mix:
            first, second = groups[0][0], groups[1][0]
            raise UserError(
                f"the dataset '{label}' of run {first} is not that of run {second}: their recordings differ; "
                "run one of them under another label, or take them for one with mix=true"
            )
    return [f"dataset {label}: the recordings differ between {_versus(groups)}" for label, groups in differing.items()]


def _labels(runs: Sequence[Stored]) -> dict[str, dict[str, str]]:
    """As ``Merged.labels``."""
    found: dict[str, list[tuple[str, Manifest]]] = defaultdict(list)
    for run in runs:
        for label, method in run.manifest["methods"].items():
            found[label].append((run.name, {aspect: method[aspect] for aspect in _WHAT_A_METHOD_IS}))
    labels: dict[str, dict[str, str]] = {run.name: {} for run in runs}
    for label, methods in found.items():
        if any(what != methods[0][1] for _, what in methods):
            for name, _ in methods:
                labels[name][label] = f"{label} ({name})"
    return labels


def _join(row: Row, other: Row) -> tuple[Row, list[str]]:
    """``row`` with the scores that only ``other`` has, and the metrics of which both have different ones."""
    if row.status != "ok":
        return (other, []) if other.status == "ok" else (row, [])
    new = {name: score for name, score in other.scores.items() if _lacks(row.scores.get(name), score)}
    clashes = [
        f"{row.key.method} has another {name}"
        for name, score in other.scores.items()
        if name not in new and _differ(row.scores[name], score)
    ]
    versions = {name: version for name, version in other.metric_versions.items() if name in new}
    joined = replace(row, scores={**row.scores, **new}, metric_versions={**row.metric_versions, **versions})
    return joined, clashes


def _lacks(score: Score | None, other: Score) -> bool:
    return score is None or (score.value is None and other.value is not None)


def _differ(score: Score, other: Score) -> bool:
    if score.value is None or other.value is None:
        return False
    return not math.isclose(score.value, other.value, rel_tol=1e-6, abs_tol=1e-9)


def _versus(groups: Iterable[Sequence[str]]) -> str:
    return " and ".join(", ".join(names) for names in groups)
