"""The methods, datasets and metrics of a run: built by name, once a process, when first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bench.core.errors import UserError
from bench.core.registry import Registry
from bench.datasets.base import DATASETS, Dataset
from bench.settings import Settings, Spec, check_label
from methods.base import METHODS, Method
from metrics.base import METRICS, Metric

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe(Generic[T]):
    """How to build one part anywhere: the factory itself, so that a worker needs no registry."""

    name: str
    factory: Callable[..., T]
    options: Mapping[str, Any]

    @staticmethod
    def of(registry: Registry[T], spec: Spec, **defaults: Any) -> Recipe[T]:
        """``defaults`` are given to factories that know such an option."""
        known = registry.options(spec.name)
        fitting = {option: value for option, value in defaults.items() if option in known}
        return Recipe(spec.name, registry.get(spec.name), {**fitting, **spec.options})

    def build(self) -> T:
        return self.factory(**self.options)


class Parts:
    """The parts by the label that rows carry.

    Pickled (for a worker), it takes the recipes along and leaves what was built behind.
    """

    def __init__(
        self,
        methods: Mapping[str, Recipe[Method]],
        datasets: Mapping[str, Recipe[Dataset]],
        metrics: Mapping[str, Recipe[Metric]],
    ) -> None:
        self.methods, self.datasets, self.metrics = methods, datasets, metrics
        self._built: dict[tuple[str, str], Any] = {}

    def __reduce__(self) -> tuple[type[Parts], tuple[Any, ...]]:
        return Parts, (self.methods, self.datasets, self.metrics)

    def method(self, label: str) -> Method:
        built: Method = self._once("method", label, self.methods)
        return built

    def dataset(self, label: str) -> Dataset:
        built: Dataset = self._once("dataset", label, self.datasets)
        return built

    def metric(self, label: str) -> Metric:
        built: Metric = self._once("metric", label, self.metrics)
        return built

    def _once(self, kind: str, label: str, recipes: Mapping[str, Recipe[Any]]) -> Any:
        if (kind, label) not in self._built:
            self._built[kind, label] = recipes[label].build()
        return self._built[kind, label]


def of(settings: Settings, device: str) -> Parts:
    """Everything the run names, built once here so that a wrong name, option or file is found at once.

    Raises:
        UserError: a name or option is unknown, a checkpoint or folder is missing, a label is taken twice.
    """
    for registry, specs in ((METHODS, settings.methods), (DATASETS, settings.datasets), (METRICS, settings.metrics)):
        for spec in specs:
            registry.check(spec.name, spec.options)
    datasets = [Recipe.of(DATASETS, spec) for spec in settings.datasets]
    built = [recipe.build() for recipe in datasets]
    return Parts(
        _labelled("methods", settings.methods, [Recipe.of(METHODS, spec, device=device) for spec in settings.methods]),
        _labelled("datasets", settings.datasets, datasets, [dataset.name for dataset in built]),
        _labelled("metrics", settings.metrics, [Recipe.of(METRICS, spec) for spec in settings.metrics]),
    )


def _labelled(
    key: str, specs: Sequence[Spec], recipes: Sequence[Recipe[T]], names: Sequence[str] | None = None
) -> dict[str, Recipe[T]]:
    labels = [spec.label or name for spec, name in zip(specs, names or [s.name for s in specs], strict=True)]
    for label in labels:
        check_label(key, label)
        if labels.count(label) > 1:
            raise UserError(f"{key}: two entries are called '{label}'; give one a label: {{name: ..., label: ...}}")
    return dict(zip(labels, recipes, strict=True))
