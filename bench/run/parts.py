"""The methods, datasets and metrics of a run: built by name, once per process, when first needed.

Nothing here imports torch: a process that only scores has no use for it, and its import takes over a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bench.core.errors import UserError
from bench.core.registry import Registry, built
from bench.core.remote import copied, is_url
from bench.datasets.base import Dataset
from bench.run.cluster import OUR_PACKAGES
from bench.run.entries import Spec
from bench.run.scoring import Scoring
from metrics.base import Metric

if TYPE_CHECKING:
    from methods.base import Method

T = TypeVar("T")


@dataclass(frozen=True)
class Place(Generic[T]):
    """Where a factory of ours is; its module is imported when it is wanted."""

    module: str
    name: str

    @staticmethod
    def of(factory: Callable[..., T]) -> Place[T] | None:
        """The place of a factory; None for one that must be sent itself: a plugin's, or one without a name."""
        place = Place[T](factory.__module__, getattr(factory, "__qualname__", ""))
        if place.module.partition(".")[0] not in OUR_PACKAGES:
            return None
        return place if getattr(import_module(place.module), place.name, None) is factory else None

    def found(self) -> Callable[..., T]:
        factory: Callable[..., T] = getattr(import_module(self.module), self.name)
        return factory


@dataclass(frozen=True)
class Recipe(Generic[T]):
    """How to build one part: contains the factory itself, so that a worker does not need the registry."""

    name: str
    source: Callable[..., T] | Place[T]
    options: Mapping[str, Any]
    takes_device: bool = False
    beside: frozenset[str] = frozenset()
    """The options that are not the factory's but common to the registry's entries."""
    remote: frozenset[str] = frozenset()
    """The options that are URLs where the factory takes paths: it is given the paths of their copies on its machine."""

    @property
    def factory(self) -> Callable[..., T]:
        return self.source.found() if isinstance(self.source, Place) else self.source

    def __reduce__(self) -> tuple[type[Recipe[T]], tuple[Any, ...]]:
        """Other processes import a factory when they build with it."""
        source = self.source if isinstance(self.source, Place) else Place.of(self.source) or self.source
        return Recipe, (self.name, source, self.options, self.takes_device, self.beside, self.remote)

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
