"""Registries from names to factories: a table of our own classes, entry points for other packages.

Another package is imported only when one of its names is requested. The error for an unknown name or option suggests
the nearest existing one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any, Generic, TypeVar

from bench.core.errors import UserError, did_you_mean
from bench.core.installed import entry_points
from bench.core.signatures import Declared, declared
from bench.core.threads import threads_kept

T = TypeVar("T")

OURS, AT_RUN_TIME = "sebench", "registered at run time"
"""Origins that are not another package."""


class Registry(Generic[T]):
    """Factories of one kind, e.g. ``Registry[Method]("method", "sebench.methods", {...})``.

    Args:
        kind: what an entry is called in messages ("method").
        group: the entry-point group of other packages.
        places: our own names, each with its factory in the notation of entry points, ``"module:Class"``; imported on
            first use.
        common: options that every entry takes beside its constructor's, with their defaults. What is built receives
            them by its method ``set_common``.
    """

    def __init__(
        self, kind: str, group: str, places: Mapping[str, str], common: Mapping[str, Any] | None = None
    ) -> None:
        self.kind = kind
        self.group = group
        self.common = dict(common or {})
        self._places = dict(places)
        self._factories: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Class decorator that registers a factory under ``name`` at run time, outside of the table."""

        def decorate(factory: Callable[..., T]) -> Callable[..., T]:
            if name in self._places or self._factories.setdefault(name, factory) is not factory:
                raise ValueError(f"two {self.kind}s are called '{name}'")
            return factory

        return decorate

    def _plugins(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(self.group)}

    def names(self) -> list[str]:
        """Every known name, without importing anything."""
        return sorted({*self._places, *self._factories, *self._plugins()})

    def ours(self) -> list[str]:
        """Our own names, without those of installed packages."""
        return sorted(self._places)

    def origin(self, name: str) -> str:
        """The origin of ``name``: "sebench" or the distribution whose entry point it is."""
        if name in self._places:
            return OURS
        entry = self._plugins().get(name)
        return entry.dist.name if entry and entry.dist else AT_RUN_TIME

    def get(self, name: str) -> Callable[..., T]:
        """The factory called ``name``.

        Raises:
            UserError: the name is unknown, or its plugin cannot be imported.
        """
        if name not in self._factories and name in self._places:
            module, _, factory = self._places[name].partition(":")
            self._factories[name] = getattr(import_module(module), factory)
        if name in self._factories:
            return self._factories[name]
        entry = self._plugins().get(name)
        if entry is None:
            raise did_you_mean(self.kind, name, self.names())
        try:
            loaded: Callable[..., T] = entry.load()
        except Exception as error:
            raise UserError(f"{self.kind} '{name}' of {self.origin(name)} cannot be imported: {error!r}") from error
        return self._factories.setdefault(name, loaded)

    def declared(self, name: str) -> Declared | None:
        """The declaration of one of our classes, read from its source without importing; None if not available."""
        ours = name in self._places and name not in self._factories
        return declared(*self._places[name].split(":")) if ours else None

    def options(self, name: str) -> dict[str, Any]:
        """The keyword options of ``name`` with their defaults (``inspect.Parameter.empty``: required).

        A class whose constructor passes ``**options`` to its base also has the base's options. One that passes them
        elsewhere declares them in the class method ``further_options()``.
        """
        further = getattr(self.get(name), "further_options", None)
        named = {option: parameter.default for option, parameter in self._parameters(name).items()}
        return named | (further() if further is not None else {})

    def annotations(self, name: str) -> dict[str, str]:
        """The annotations of the constructor's options as source text; "" where there is none."""
        source = self.declared(name)
        parameters = self._parameters(name) if source is None else source.parameters
        return {option: _written(parameter.annotation) for option, parameter in parameters.items()}

    def _parameters(self, name: str) -> dict[str, inspect.Parameter]:
        factory = self.get(name)
        found: dict[str, inspect.Parameter] = {}
        for kind in [factory, *_bases_with_constructors(factory)]:
            parameters = inspect.signature(kind).parameters.values()
            named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            found = named | found
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
        return found

    def check(self, name: str, options: Collection[str]) -> None:
        """Check that ``name`` accepts these options; for our own classes without importing them.

        Raises:
            UserError: an option is unknown (the nearest is suggested) or a required one is missing.
        """
        source = self.declared(name)
        if source is not None and (source.whole or set(options) - self.common.keys() <= source.parameters.keys()):
            known = {option: parameter.default for option, parameter in source.parameters.items()}
        else:
            known = self.options(name)
        for option in options:
            if option not in known and option not in self.common:
                raise did_you_mean(f"option of {self.kind} '{name}'", option, [*known, *self.common])
        for option, default in known.items():
            if default is inspect.Parameter.empty and option not in options:
                raise UserError(f"{self.kind} '{name}' needs the option '{option}'")

    def create(self, name: str, /, **options: Any) -> T:
        """Build ``name``; no option is ignored. An option may itself be called "name".

        Raises:
            UserError: as ``check``.
        """
        self.check(name, options)
        return built(self.get(name), options, self.beside(name, options))

    def beside(self, name: str, options: Collection[str]) -> frozenset[str]:
        """Which of ``options`` are common ones that the constructor of ``name`` does not take."""
        given = self.common.keys() & set(options)
        return frozenset(given - self.options(name).keys()) if given else frozenset()


def built(factory: Callable[..., T], options: Mapping[str, Any], beside: Collection[str]) -> T:
    """Call ``factory`` with ``options``, without those in ``beside``, which are set on what it gives."""
    with threads_kept():
        made: Any = factory(**{name: value for name, value in options.items() if name not in beside})
    if beside:
        made.set_common(**{name: options[name] for name in beside})
    found: T = made
    return found


def _written(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _bases_with_constructors(factory: Callable[..., Any]) -> list[Callable[..., Any]]:
    bases = factory.__mro__[1:-1] if isinstance(factory, type) else ()
    return [base for base in bases if "__init__" in vars(base)]
