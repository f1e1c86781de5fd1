"""Merge stored runs into one set of rows. Different methods, and different metric versions, get different names."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError
from bench.core.types import Score
from results.store.columns import Column, Rows, joined
from results.store.folder import Store
from results.store.info import MetricInfo
from results.store.reading import as_rows
from results.store.rows import Key, Row
from results.store.versions import separate

Manifest = Mapping[str, Any]
_WHAT_A_METHOD_IS = ("name", "options", "provenance")


@dataclass(frozen=True)
class Stored:
    """A stored run: its name, unique among the merged runs, its folder, manifest and rows."""

    name: str
    folder: Path
    manifest: Manifest
    rows: Mapping[Key, Row]


@dataclass(frozen=True)
class Merged:
    """Rows of one or several runs, their metrics' properties, and notes about the merge.

    Attributes:
        rows: of which none is repeated; scores under one metric name are all of one version.
        labels: by run, the new labels of methods whose label denotes a different method in another run.
    """

    rows: Rows
    metrics: Mapping[str, MetricInfo]
    notes: Sequence[str] = field(default_factory=list)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read(folders: Sequence[Path]) -> list[Stored]:
    """The runs in these folders.

    Raises:
        UserError: a folder holds no run.
    """
    folders = list(dict.fromkeys(folder.resolve() for folder in folders))
    names = Counter(folder.name for folder in folders)
    runs = []
    for folder in folders:
        store = Store(folder)
        manifest = store.read_manifest() if folder.is_dir() else None
        if manifest is None:
            raise UserError(f"{folder}: no run is stored here")
        runs.append(Stored(folder.name if names[folder.name] == 1 else str(folder), folder, manifest, store.rows()))
    return runs


def merge(runs: Sequence[Stored], mix: bool = False) -> Merged:
    """All rows of ``runs``.

    If methods with the same label differ between runs (other options, other weights), the run's name is added to
    their labels. If several runs have a row with the same key, the first run's is used; scores of metrics, or of
    metric versions, that it lacks are taken from the others.

    Args:
        mix: treat datasets with the same label as one, even if their fingerprints differ.

    Raises:
        UserError: fingerprints differ, and ``mix`` is false.
    """
    notes = _mixed_datasets(runs, mix)
    labels = _labels(runs)
    metrics: dict[str, MetricInfo] = {}
    for run in runs:
        for name, info in infos(run.manifest).items():
            metrics.setdefault(name, info)
    # Separate metric versions before joining rows, so that a recording keeps its scores of both versions.
    parts = [_relabelled(run, labels[run.name]) for run in runs]
    separated, metrics = separate(parts[0] if len(parts) == 1 else joined(parts), metrics)
    rows, clashes = _completed(separated, [name for run in runs for name in [run.name] * len(run.rows)])
    notes += [
        f"{run}: {what} on {count} recordings than the run named first, whose stands"
        for (run, what), count in clashes.items()
    ]
    return Merged(rows, metrics, notes, labels)


def _relabelled(run: Stored, labels: Mapping[str, str]) -> Rows:
    rows = as_rows(run.rows.values())
    methods = rows.columns["method"]
    renamed = Column(methods.codes, [labels.get(method, method) for method in methods.known])
    return Rows({**rows.columns, "method": renamed}, rows.seconds, rows.scores)


def _completed(rows: Rows, runs: Sequence[str]) -> tuple[Rows, Counter[tuple[str, str]]]:
    """One row of all that have one key, where the first of them is; and how often runs have other scores."""
    clashes: Counter[tuple[str, str]] = Counter()
    places, new = np.arange(len(rows)), list[Row]()
    alone = np.ones(len(rows), bool)
    for repeated in rows.repeated():
        first, *others = repeated.tolist()
        row = rows[first]
        for other in others:
            row, clash = _join(row, rows[other])
            clashes.update((runs[other], what) for what in clash)
        places[first] = len(rows) + len(new)
        new.append(row)
        alone[others] = False
    return (joined([rows, as_rows(new)]).take(places[alone]) if new else rows), clashes


def infos(manifest: Manifest) -> dict[str, MetricInfo]:
    """The properties of each metric of a run."""
    return {
        label: MetricInfo(**_aspect(metric), version=metric["version"], name=metric["name"])
        for label, metric in manifest["metrics"].items()
    }


_SOUND: dict[str, Any] = {"aspect": "quality", "intrusive": False}
_ASPECTS: dict[str, dict[str, Any]] = {
    **{"lps": {"aspect": "content"}, "wer": {"aspect": "content", "intrusive": False}},
    **{"dnsmos": _SOUND, "dnsmos_p808": _SOUND, "utmos": _SOUND, "nisqa": _SOUND, "wvmos": _SOUND},
}
"""Aspects of metrics for manifests of earlier versions, which do not contain them."""


def _aspect(metric: Mapping[str, Any]) -> dict[str, Any]:
    return {**_ASPECTS.get(metric["name"], {}), **metric["shown"]}


def _mixed_datasets(runs: Sequence[Stored], mix: bool) -> list[str]:
    """Refuse different datasets with the same label, or return notes on those that are mixed."""
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
    """The new labels, as in ``Merged.labels``."""
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
    """``row`` with the scores that only ``other`` has, and a description of each score in which they differ."""
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
