"""The parts of a run, from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from bench.core.errors import UserError
from bench.core.registry import AT_RUN_TIME, OURS
from bench.datasets.base import DATASETS
from bench.run.entries import Spec, check_label
from bench.run.parts import Parts, Recipe
from bench.run.scoring import by_cards, label_of, named
from bench.run.settings import Settings
from methods.base import METHODS
from metrics.base import METRICS

T = TypeVar("T")


def plugins(settings: Settings) -> list[str]:
    """The other packages that parts of the run come from."""
    named = ((METHODS, settings.methods), (DATASETS, settings.datasets), (METRICS, settings.metrics or ()))
    origins = {registry.origin(spec.name) for registry, specs in named for spec in specs}
    return sorted(origins - {OURS, AT_RUN_TIME})


def assembled(settings: Settings, device: str) -> Parts:
    """All parts of the run, already built, so that a wrong name, option or file is found at once.

    Raises:
        UserError: a name or option is unknown, a checkpoint or folder is missing, or a label is used twice.
    """
    methods = [Recipe.of(METHODS, spec) for spec in with_options(settings)]
    datasets = [Recipe.of(DATASETS, spec) for spec in settings.datasets]
    data = [recipe.build(device) for recipe in datasets]
    found = labelled("datasets", settings.datasets, datasets, [one.name for one in data])
    ready: dict[tuple[str, str], Any] = {("dataset", label): one for label, one in zip(found, data, strict=True)}

    def metric(spec: Spec) -> None:
        ready["metric", label_of(spec)] = Recipe.of(METRICS, spec).build(device)

    by_label = dict(zip(found, data, strict=True))
    scoring = by_cards(by_label, metric) if settings.metrics is None else named(settings.metrics, by_label)
    metrics = [Recipe.of(METRICS, spec) for spec in scoring.specs]
    parts = Parts(
        labelled("methods", settings.methods, methods),
        found,
        labelled("metrics", scoring.specs, metrics),
        device,
        scoring,
        ready,
    )
    for label in parts.methods:
        parts.method(label)
    for label in parts.metrics:
        parts.metric(label)
    return parts


def with_options(settings: Settings) -> list[Spec]:
    """The methods of a run, with the options that it gives to all of them."""
    return with_shared(settings.methods, shared_options(settings.checkpoint, settings.precision, settings.compile))


def with_shared(specs: Sequence[Spec], shared: Mapping[str, Any]) -> list[Spec]:
    """The methods, with those of the ``shared`` options that they take and do not name themselves.

    Raises:
        UserError: none of the methods takes an option.
    """
    for option, value in shared.items():
        if not any(option in METHODS.options(spec.name).keys() - spec.options.keys() for spec in specs):
            raise UserError(f"{option}={str(value).lower() if value is True else value}: none of the methods takes it")
    return [
        replace(
            spec, options={**{key: shared[key] for key in shared if key in METHODS.options(spec.name)}, **spec.options}
        )
        for spec in specs
    ]


def shared_options(checkpoint: str | None, precision: str, compile: bool) -> dict[str, Any]:
    """The options that a command gives to all its methods, those left out that are as by default."""
    return {
        **({} if checkpoint is None else {"checkpoint": checkpoint}),
        **({} if precision == "float32" else {"precision": precision}),
        **({"compile": True} if compile else {}),
    }


def labelled(
    key: str, specs: Sequence[Spec], recipes: Sequence[Recipe[T]], names: Sequence[str] | None = None
) -> dict[str, Recipe[T]]:
    """The recipes by their labels in rows.

    Args:
        names: what entries without a label are called; None: as in the registry.

    Raises:
        UserError: a label is used twice.
    """
    labels = [spec.label or name for spec, name in zip(specs, names or [s.name for s in specs], strict=True)]
    for label in labels:
        check_label(key, label)
        if labels.count(label) > 1:
            raise UserError(f"{key}: two entries are called '{label}'; give one a label: {{name: ..., label: ...}}")
    return dict(zip(labels, recipes, strict=True))
