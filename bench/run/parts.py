"""The methods, datasets and metrics of a run: built by name, once per process, when first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import torch

from bench.core.errors import UserError
from bench.core.registry import AT_RUN_TIME, OURS, Registry, built
from bench.core.remote import copied, is_url
from bench.core.seeds import stable_seed
from bench.datasets.base import DATASETS, Dataset
from bench.run.entries import Spec, check_label
from bench.run.scoring import Scoring, by_cards, label_of, named
from bench.run.settings import Settings
from methods.base import METHODS, Method
from metrics.base import METRICS, Metric
from results.store.rows import Key

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe(Generic[T]):
    """How to build one part: contains the factory itself, so that a worker does not need the registry."""

    name: str
    factory: Callable[..., T]
    options: Mapping[str, Any]
    takes_device: bool = False
    beside: frozenset[str] = frozenset()
    """The options that are not the factory's but common to the registry's entries."""
    remote: frozenset[str] = frozenset()
    """The options that are URLs where the factory takes paths: it is given the paths of their copies on its machine."""

    @staticmethod
    def of(registry: Registry[T], spec: Spec) -> Recipe[T]:
        """The recipe of ``spec``. Raises ``UserError`` for an unknown name or option."""
        registry.check(spec.name, spec.options)
        takes_device = "device" in registry.options(spec.name) and "device" not in spec.options
        beside = registry.beside(spec.name, spec.options)
        factory, annotations = registry.get(spec.name), registry.annotations(spec.name)
        own: frozenset[str] = getattr(factory, "reads_urls", frozenset())
        urls = {option for option, value in spec.options.items() if isinstance(value, str) and is_url(value)} - own
        paths = {option for option in urls if "Path" in annotations.get(option, "")}
        return Recipe(spec.name, factory, spec.options, takes_device, beside, frozenset(paths))

    def build(self, device: str) -> T:
        """Build the part for ``device``. Raises ``UserError`` if the factory does not accept the options."""
        try:
            options = {**self.options, **{option: copied(self.options[option]) for option in self.remote}}
            options |= {"device": device} if self.takes_device else {}
            return built(self.factory, options, self.beside)
        except (TypeError, ValueError, LookupError, OSError) as error:
            if not self.options:
                raise
            given = ", ".join(f"{option}: {value}" for option, value in self.options.items())
            raise UserError(f"'{self.name}' cannot be built with {{{given}}}: {error}") from error


@dataclass
class Parts:
    """The parts by their labels in rows, built for ``device``."""

    methods: Mapping[str, Recipe[Method]]
    datasets: Mapping[str, Recipe[Dataset]]
    metrics: Mapping[str, Recipe[Metric]]
    device: str
    scoring: Scoring = field(default_factory=Scoring)
    _built: dict[tuple[str, str], Any] = field(default_factory=dict)
    _provenance: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[Parts], tuple[Any, ...]]:
        """Other processes build their own: networks are large, and sessions of runtimes cannot be sent."""
        return Parts, (self.methods, self.datasets, self.metrics, self.device, self.scoring)

    def on(self, device: str) -> Parts:
        """The same parts for another device, not yet built."""
        return Parts(self.methods, self.datasets, self.metrics, device, self.scoring)

    def modules(self) -> tuple[str, ...]:
        """The modules in which the parts are defined."""
        recipes: list[Recipe[Any]] = [*self.methods.values(), *self.datasets.values(), *self.metrics.values()]
        return tuple(sorted({str(recipe.factory.__module__) for recipe in recipes}))

    def method(self, label: str) -> Method:
        built: Method = self._once("method", label, self.methods)
        return built

    def dataset(self, label: str) -> Dataset:
        built: Dataset = self._once("dataset", label, self.datasets)
        return built

    def metric(self, label: str) -> Metric:
        built: Metric = self._once("metric", label, self.metrics)
        return built

    def generator(self, key: Key) -> torch.Generator:
        """The generator of a cell's noise. Its seed depends on the names of dataset and method, not on their labels:
        two checkpoints of one method get the same noise.
        """
        dataset, method = self.dataset(key.dataset).name, self.methods[key.method].name
        return torch.Generator().manual_seed(stable_seed(key.seed, dataset, key.utterance, method, key.steps))

    def needs_estimate(self, metric: str) -> bool:
        """Whether a metric needs the first estimate of two-stage methods."""
        return bool(getattr(self.metrics[metric].factory, "needs_estimate", False))

    def provenance(self, metric: str) -> Mapping[str, str]:
        """Everything but the audio that a metric's values depend on: its own ``provenance``, and its options here."""
        if metric not in self._provenance:
            recipe = self.metrics[metric]
            options = {name: str(value) for name, value in sorted(recipe.options.items())}
            self._provenance[metric] = {**options, **self.metric(metric).provenance()}
        return self._provenance[metric]

    def version(self, metric: str) -> str:
        """The provenance on one line, as stored in rows: scores are comparable exactly if it is equal."""
        provenance = dict(self.provenance(metric))
        return "; ".join([provenance.pop("package"), *(f"{name}: {value}" for name, value in provenance.items())])

    def _once(self, kind: str, label: str, recipes: Mapping[str, Recipe[Any]]) -> Any:
        if (kind, label) not in self._built:
            self._built[kind, label] = recipes[label].build(self.device)
        return self._built[kind, label]


def plugins(settings: Settings) -> list[str]:
    """The other packages that parts of the run come from."""
    named = ((METHODS, settings.methods), (DATASETS, settings.datasets), (METRICS, settings.metrics or ()))
    origins = {registry.origin(spec.name) for registry, specs in named for spec in specs}
    return sorted(origins - {OURS, AT_RUN_TIME})


def of(settings: Settings, device: str) -> Parts:
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
