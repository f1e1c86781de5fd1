"""The metrics of a run: those that are named, or else, dataset by dataset, those that its card says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.core.errors import UserError
from bench.datasets.base import Dataset
from bench.datasets.scored import USUAL, name_of, told
from bench.run.entries import Spec

NOT_ITS_OWN = "the dataset's card does not name it"


@dataclass(frozen=True)
class Scoring:
    """What is scored.

    Attributes:
        specs: every metric of the run.
        left_out: why a metric is not scored of a dataset (its rows are ``skipped``), by their labels.
        chosen: of datasets that are not scored as usual: their metrics, and why others are not; by their labels.
        remarks: that in words, a line each.
    """

    specs: Sequence[Spec] = ()
    left_out: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def named(specs: Sequence[Spec], datasets: Mapping[str, Dataset]) -> Scoring:
    """The metrics that a configuration names, with remarks on what the datasets' cards say of them."""
    remarks = []
    for label, data in datasets.items():
        for spec in specs:
            if why := data.scored.left_out.get(spec.name):
                remarks.append(f"{label}: {spec.name} is scored, as named, though {why}")
            published = data.scored.published.get(spec.name, {})
            if other := {key: value for key, value in published.items() if spec.options.get(key) != value}:
                remarks.append(f"{label}: {spec.name} is published with {told(other)}")
    return Scoring(specs, remarks=remarks)


def by_cards(datasets: Mapping[str, Dataset], build: Callable[[Spec], object]) -> Scoring:
    """The metrics that the datasets choose.

    Args:
        datasets: by their labels.
        build: builds a metric; raises ``UserError`` where it cannot be computed here. It is then left out, if it is
            none of the usual ones.
    """
    own = {label: [Spec.of("metrics", entry) for entry in data.scored.metrics] for label, data in datasets.items()}
    every = {label_of(spec): spec for specs in own.values() for spec in specs}
    missing = {label: why for label, spec in every.items() if (why := _missing(spec, build))}
    left_out: dict[str, dict[str, str]] = {}
    chosen: dict[str, dict[str, Any]] = {}
    for dataset, specs in own.items():
        labels = [label_of(spec) for spec in specs]
        scored = [label for label in labels if label not in missing]
        reasons = {
            **datasets[dataset].scored.left_out,
            **{label: missing[label] for label in labels if label in missing},
        }
        left_out[dataset] = {
            label: reasons.get(label, NOT_ITS_OWN) for label in every if label not in missing and label not in scored
        }
        if reasons or scored != list(map(name_of, USUAL)):
            chosen[dataset] = {"metrics": scored, "left_out": reasons}
    specs = [spec for label, spec in every.items() if label not in missing]
    return Scoring(specs, left_out, chosen, [_remark(dataset, **what) for dataset, what in chosen.items()])


def label_of(spec: Spec) -> str:
    """A metric's name in rows."""
    return spec.label or spec.name


def _missing(spec: Spec, build: Callable[[Spec], object]) -> str:
    """Why a metric cannot be computed here; empty if it can."""
    try:
        build(spec)
    except UserError as error:
        if spec.name in USUAL:
            raise
        return str(error)
    return ""


def _remark(dataset: str, metrics: Sequence[str], left_out: Mapping[str, str]) -> str:
    why = "".join(f"; not by {name}: {why}" for name, why in left_out.items())
    return f"{dataset}: scored by {', '.join(metrics)}, as its card says{why}; metrics=[...] chooses others"
